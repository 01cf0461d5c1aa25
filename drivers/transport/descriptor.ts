/**
 * Reads and writes a serial port's file descriptor itself, on systems where it has one. The way
 * through a stream hands each piece to the thread pool and back, where it stands behind whatever
 * the disk or a name server holds up: too late for a line whose frames are a few ms apart.
 */
import { readSync, writeSync } from "node:fs";
import { systemCode } from "../../telemetry/index.ts";

/** Tells once when the descriptor can be read, or why it never will. */
export interface Readable {
  once(event: "readable", listener: (error: unknown) => void): unknown;
}

export interface Descriptor {
  /** Open and non-blocking. */
  readonly fd: number;
  readonly poller: Readable;
}

/** Of more than a line can bring between two looks at it. @unit bytes */
const pieceLimit = 4096;

/** The call was interrupted or there is nothing to do: no failure. */
const passing: ReadonlySet<string | undefined> = new Set(["EAGAIN", "EWOULDBLOCK", "EINTR"]);

/**
 * Hands over what comes, at once, until the descriptor fails or `isOpen` says no. A line that
 * hung up gives an end of file; serial lines have no other.
 */
export function readEach(
  { fd, poller }: Descriptor,
  isOpen: () => boolean,
  events: { onData(bytes: Uint8Array): void; onEnd(cause: unknown): void },
): void {
  const piece = new Uint8Array(pieceLimit);
  const wait = (): void => {
    poller.once("readable", (error) => {
      if (!isOpen()) return;
      if (error !== null && error !== undefined) return events.onEnd(error);
      // In a turn of its own: a native callback may not run what waits on promises.
      setImmediate(read);
    });
  };
  const read = (): void => {
    if (!isOpen()) return;
    try {
      const length = readSync(fd, piece);
      if (length === 0) return events.onEnd(new Error("the line hung up"));
      events.onData(piece.slice(0, length));
    } catch (cause) {
      if (!passing.has(systemCode(cause))) return events.onEnd(cause);
    }
    if (isOpen()) wait();
  };
  wait();
}

/**
 * Writes as much as there is room for.
 * @returns how many bytes were written
 * @throws what the system says of a port that is gone
 */
export function writeNow(fd: number, bytes: Uint8Array): number {
  try {
    return writeSync(fd, bytes);
  } catch (cause) {
    if (passing.has(systemCode(cause))) return 0;
    throw cause;
  }
}

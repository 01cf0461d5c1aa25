/**
 * Errors that the driver writes to the kernel's log (XID), by the place of their card. Each record
 * of /dev/kmsg (Linux Documentation/ABI/testing/dev-kmsg) is one read:
 *
 *   4,1234,98765432,-;NVRM: Xid (PCI:0000:3b:00): 79, pid=…, GPU has fallen off the bus.
 *
 * Most systems let only root read it (`kernel.dmesg_restrict`): then there is one fault, and no
 * more; DCGM's exporter tells the same without. What was logged before the first read is taken in
 * too: an error that took a card away before the agent started still counts.
 *
 * Limits: `maxRecords` a read; the newest error of `maxCards` places is remembered.
 */
import type { FileHandle } from "node:fs/promises";
import { constants, open } from "node:fs/promises";
import { GatewayError, messageOf, systemCode } from "../../telemetry/index.ts";

const maxRecords = 20_000;
const maxCards = 64;
/** Longest record the kernel gives. @unit bytes */
const recordBytes = 8192;

/** One error, and the place of its card. */
export interface LoggedError {
  readonly place: string;
  readonly xid: number;
}

export class KernelLog {
  readonly #path: string;
  /** Newest error by the place of its card, as the kernel writes it. */
  readonly #newest = new Map<string, number>();
  /** Logged since they were asked for last; what is older than the agent is no news. */
  #news: LoggedError[] = [];
  #begun = false;
  #file: FileHandle | undefined;
  #failed = false;
  #rest = "";

  constructor(path: string) {
    this.#path = path;
  }

  /** Takes in what was logged since. @throws E_PROGRAM once, when it cannot be read */
  async read(): Promise<void> {
    if (this.#failed) return;
    try {
      this.#file ??= await open(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
      await this.#drain(this.#file);
    } catch (cause) {
      this.#failed = true;
      const why = `${this.#path}: ${messageOf(cause)}; XID errors are not seen`;
      throw new GatewayError("E_PROGRAM", why, { cause });
    }
  }

  /** The errors logged since they were asked for last; none of those before the first read. */
  takeNews(): readonly LoggedError[] {
    const news = this.#begun ? this.#news : [];
    this.#begun = true;
    this.#news = [];
    return news;
  }

  /** Whether a place in the log is this bus address. */
  static isAt(place: string, bus: string): boolean {
    return place === placeOf(bus);
  }

  /** The newest error of a card, by its bus address; 0: none was logged. */
  newest(bus: string): number | undefined {
    if (this.#file === undefined || this.#failed) return undefined;
    return this.#newest.get(placeOf(bus)) ?? 0;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    this.#failed = true;
  }

  async #drain(file: FileHandle): Promise<void> {
    const bytes = Buffer.alloc(recordBytes);
    for (let record = 0; record < maxRecords; record += 1) {
      const length = await readRecord(file, bytes);
      if (length === 0) return;
      const lines = (this.#rest + bytes.toString("latin1", 0, length)).split("\n");
      this.#rest = (lines.pop() ?? "").slice(-recordBytes);
      for (const line of lines) this.#take(line);
    }
  }

  #take(line: string): void {
    const [, bus = "", code = ""] =
      /NVRM: Xid \(PCI:([0-9a-f:.]{7,16})\): (\d{1,4})\b/i.exec(line) ?? [];
    if (bus === "") return;
    const place = placeOf(bus);
    if (this.#news.length < maxCards) this.#news.push({ place, xid: Number(code) });
    if (this.#newest.size < maxCards || this.#newest.has(place)) {
      this.#newest.set(place, Number(code));
    }
  }
}

/** Bytes of the next record; 0 when there is none now. EPIPE: some were overwritten unread. */
async function readRecord(file: FileHandle, bytes: Buffer): Promise<number> {
  try {
    return (await file.read(bytes, 0, bytes.length, null)).bytesRead;
  } catch (error) {
    const code = systemCode(error);
    if (code === "EAGAIN") return 0;
    if (code === "EPIPE") return readRecord(file, bytes);
    throw error;
  }
}

/** `00000000:3B:00.0` and `0000:3b:00` are one place: the card's, whatever its function. */
function placeOf(bus: string): string {
  const [domain = "", rest = ""] = bus.toLowerCase().replace(/\.\d$/, "").split(/:(.+)/);
  return `${domain.slice(-4).padStart(4, "0")}:${rest}`;
}

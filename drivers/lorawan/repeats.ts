/**
 * The same uplink may come twice: two integrations of one server, a broker that bridges in a ring,
 * a device that sends again because an acknowledgement was lost.
 */
import type { Uplink } from "./event.ts";

/** Uplinks remembered. */
const kept = 16;

/** A counter that comes again later than this has begun anew. @unit ms */
const longest = 60_000;

interface Seen {
  readonly id: string | undefined;
  readonly frame: string;
  /** @unit ms, of the server's clock or of ours */
  readonly time: number;
}

export class Repeats {
  readonly #seen: Seen[] = [];

  /** Whether this is one that was seen, and remembers it. @param now where the server says none */
  isRepeat(up: Uplink, now: number): boolean {
    const data = Buffer.from(up.data).toString("base64");
    const frame = `${up.address} ${up.counter} ${up.port} ${data}`;
    const one: Seen = { id: up.id, frame, time: up.time ?? now };
    if (this.#seen.some((other) => same(one, other))) return true;
    this.#seen.push(one);
    if (this.#seen.length > kept) this.#seen.shift();
    return false;
  }

  /** A device that joins counts from 0 again. */
  clear(): void {
    this.#seen.length = 0;
  }
}

function same(one: Seen, other: Seen): boolean {
  if (one.id !== undefined && one.id === other.id) return true;
  return one.frame === other.frame && Math.abs(one.time - other.time) <= longest;
}

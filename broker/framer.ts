/**
 * Cuts a client's byte stream into whole packets before anything parses them: size is judged by
 * the fixed header alone, so a declared 256 MB costs five bytes. The first packet must be CONNECT
 * [MQTT-3.1.0-1] and the only one [MQTT-3.1.0-2]; what follows it waits for `release`, so that
 * nothing is parsed for a client that is not let in.
 *
 * Memory: one packet under way, grown as its bytes come, at most the limit.
 */
import { isVersion5, variableAt } from "./mqtt5/index.ts";
import type { Fault } from "./packets.ts";
import { faultOf, packetTypes } from "./packets.ts";

export interface FramerLimits {
  /** Largest CONNECT. @unit bytes */
  readonly connect: number;
  /** Largest later packet. @unit bytes */
  readonly packet: number;
  /** Clients of MQTT 5 may come; what they send is read elsewhere. */
  readonly version5?: boolean;
}

export interface Framed {
  /** Stretches of whole packets, in order. */
  readonly whole: readonly Buffer[];
  /** Set when the stream broke the protocol: nothing more comes out of it. */
  readonly fault: Fault | undefined;
}

interface Header {
  /** Fixed header and body. @unit bytes */
  readonly total: number;
  /** Fixed header alone. @unit bytes */
  readonly size: number;
}

const nothing: Framed = { whole: [], fault: undefined };
const noBytes = Buffer.alloc(0);
const noneHeld: readonly Buffer[] = [];

export class Framer {
  readonly #limits: FramerLimits;
  /** Before CONNECT; behind it, until the client is let in; after; behind a fault or DISCONNECT. */
  #state: "new" | "held" | "open" | "broken" = "new";
  #held: readonly Buffer[] = noneHeld;
  /** The packet under way; its first `#used` bytes are there. */
  #partial: Buffer = noBytes;
  #used = 0;
  #need = 0;
  #fault: Fault | undefined;
  #version5 = false;

  constructor(limits: FramerLimits) {
    this.#limits = limits;
  }

  /** True from the first whole CONNECT on. */
  get connected(): boolean {
    return this.#state === "held" || this.#state === "open";
  }

  /** The client speaks MQTT 5. */
  get version5(): boolean {
    return this.#version5;
  }

  /** Takes what came off the wire. */
  feed(chunk: Buffer): Framed {
    if (this.#state === "broken") return nothing;
    if (this.#state === "held") {
      this.#held = [...this.#held, chunk];
      return nothing;
    }
    const whole: Buffer[] = [];
    let rest = chunk;
    if (this.#used > 0) rest = this.#continue(rest, whole);
    if (this.#used === 0 && !this.#stopped()) rest = this.#stretch(rest, whole);
    // CONNECT was in it: what lies behind waits.
    if (this.#stopped() && rest.length > 0) this.#held = [...this.#held, rest];
    return { whole, fault: this.#fault };
  }

  /** Lets through what came behind CONNECT. */
  release(): Framed {
    if (this.#state !== "held") return nothing;
    this.#state = "open";
    const held = Buffer.concat(this.#held);
    this.#held = noneHeld;
    return this.feed(held);
  }

  #stopped(): boolean {
    return this.#state === "broken" || this.#state === "held";
  }

  /** Adds to the packet under way; returns what lies behind it. */
  #continue(chunk: Buffer, whole: Buffer[]): Buffer {
    let rest = chunk;
    while (this.#need === 0 && rest.length > 0 && this.#state !== "broken") {
      this.#store(rest.subarray(0, 1));
      rest = rest.subarray(1);
      this.#need = this.#header(this.#partial.subarray(0, this.#used), 0)?.total ?? 0;
    }
    if (this.#need === 0) return rest;
    const taken = rest.subarray(0, this.#need - this.#used);
    this.#store(taken);
    if (this.#used < this.#need) return rest.subarray(taken.length);
    const packet = this.#partial.subarray(0, this.#used);
    this.#partial = noBytes;
    this.#used = 0;
    this.#need = 0;
    this.#stretch(packet, whole);
    return rest.subarray(taken.length);
  }

  /** Passes the whole packets at the front, in place; keeps the begun one behind them. */
  #stretch(chunk: Buffer, whole: Buffer[]): Buffer {
    let at = 0;
    while (at < chunk.length && !this.#stopped()) {
      const header = this.#header(chunk, at);
      if (header === undefined || at + header.total > chunk.length) break;
      const body = chunk.subarray(at + header.size, at + header.total);
      const first = chunk[at] ?? 0;
      const isConnect = first >> 4 === packetTypes.connect;
      if (isConnect) this.#version5 = this.#limits.version5 === true && isVersion5(body);
      const fault = this.#version5 ? undefined : faultOf(first, body);
      if (fault !== undefined) {
        this.#break(fault);
        break;
      }
      if (isConnect) this.#state = "held";
      if (first >> 4 === packetTypes.disconnect) this.#state = "broken"; // [MQTT-3.14.4-2]
      at += header.total;
    }
    if (at > 0) whole.push(chunk.subarray(0, at));
    const rest = chunk.subarray(at);
    if (this.#stopped() || rest.length === 0) return rest;
    this.#need = this.#header(rest, 0)?.total ?? 0;
    this.#store(rest);
    return noBytes;
  }

  /** The fixed header at `at`, or undefined when it is incomplete or breaks a rule. */
  #header(bytes: Buffer, at: number): Header | undefined {
    const isConnect = (bytes[at] ?? 0) >> 4 === packetTypes.connect;
    if (this.#state === "new" && !isConnect) return this.#break({ reason: "first_packet" });
    if (this.#state === "open" && isConnect) return this.#break({ reason: "second_connect" });
    let length = 0;
    for (let i = 1; i <= 4; i += 1) {
      const byte = bytes[at + i];
      if (byte === undefined) return undefined;
      length += (byte & 0x7f) * 128 ** (i - 1);
      const limit = this.#state === "new" ? this.#limits.connect : this.#limits.packet;
      if (length + 1 + i > limit) return this.#break({ reason: "oversize" });
      if (byte < 0x80) return { total: 1 + i + length, size: 1 + i };
    }
    return this.#break({ reason: "length" }); // [MQTT 2.2.3] at most four bytes
  }

  #break(fault: Fault): undefined {
    this.#state = "broken";
    this.#fault = fault;
  }

  #store(bytes: Buffer): void {
    const used = this.#used + bytes.length;
    if (used > this.#partial.length) {
      const grown = Buffer.allocUnsafeSlow(
        Math.max(64, Math.min(used * 2, this.#need || used * 2)),
      );
      this.#partial.copy(grown, 0, 0, this.#used);
      this.#partial = grown;
    }
    bytes.copy(this.#partial, this.#used);
    this.#used = used;
  }
}

/** The whole packets in a stretch of them. */
export function* packetsOf(stretch: Buffer): Generator<Buffer> {
  let rest = stretch;
  while (rest.length > 0) {
    const length = variableAt(rest, 1);
    const end = length === undefined ? rest.length : length.end + length.value;
    yield rest.subarray(0, end);
    rest = rest.subarray(end);
  }
}

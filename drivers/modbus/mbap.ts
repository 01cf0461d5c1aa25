/**
 * Modbus TCP frames (MODBUS Messaging on TCP/IP V1.0b, "MODBUS-TCP").
 *
 *   0            2            4          6      7
 *   | transaction | protocol 0 | length   | unit | pdu ...           7 + 1..253 bytes
 *                                length counts unit and pdu
 */
import { GatewayError } from "../../telemetry/index.ts";
import { pduLimits } from "./pdu.ts";

const headerBytes = 7;

/** What `length` does not count. */
const uncounted = 6;

/** The longest frame. [MODBUS-TCP 3.1.2] */
const frameLimit = headerBytes + pduLimits.bytes;

export interface MbapFrame {
  readonly transaction: number;
  readonly unit: number;
  readonly pdu: Uint8Array;
}

/** Takes one frame; not an object, because a fast line has a hundred thousand of them a second. */
export type TakeFrame = (transaction: number, unit: number, pdu: Uint8Array) => void;

/** The bytes of a frame. [MODBUS-TCP 3.1.3] */
export function encodeMbap({ transaction, unit, pdu }: MbapFrame): Uint8Array {
  const frame = new Uint8Array(headerBytes + pdu.length);
  const length = pdu.length + 1;
  frame[0] = transaction >> 8;
  frame[1] = transaction;
  frame[4] = length >> 8;
  frame[5] = length;
  frame[6] = unit;
  frame.set(pdu, headerBytes);
  return frame;
}

/** Cuts a stream of bytes into frames. */
export class MbapReader {
  /** The beginning of a frame whose end has not come. */
  readonly #kept = new Uint8Array(frameLimit);
  #length = 0;

  /** How many bytes of an unfinished frame wait. */
  get pending(): number {
    return this.#length;
  }

  reset(): void {
    this.#length = 0;
  }

  /**
   * The frames that these bytes complete.
   * @throws E_MODBUS_FRAME when the stream is not Modbus TCP: there is no way to resynchronise
   */
  push(bytes: Uint8Array): MbapFrame[] {
    const frames: MbapFrame[] = [];
    this.cut(bytes, (transaction, unit, pdu) => frames.push({ transaction, unit, pdu }));
    return frames;
  }

  /**
   * Hands over the frames that these bytes complete, as views of `bytes` where they are whole.
   * @throws E_MODBUS_FRAME, as `push`; the frames before it have been handed over by then
   */
  cut(bytes: Uint8Array, take: TakeFrame): void {
    let at = this.#length > 0 ? this.#complete(bytes, take) : 0;
    while (at + uncounted <= bytes.length) {
      const end = at + this.#frameBytes(bytes, at);
      if (end > bytes.length) break;
      const from = at + headerBytes;
      // Buffer's own `subarray` costs three times as much.
      const pdu = new Uint8Array(bytes.buffer, bytes.byteOffset + from, end - from);
      take(((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0), bytes[at + uncounted] ?? 0, pdu);
      at = end;
    }
    if (at < bytes.length) this.#keep(bytes, at, bytes.length);
  }

  /** Finishes the frame that was kept; gives where the bytes go on after it. */
  #complete(bytes: Uint8Array, take: TakeFrame): number {
    const kept = this.#kept;
    let at = 0;
    if (this.#length < uncounted) {
      at = this.#keep(bytes, 0, uncounted - this.#length);
      if (this.#length < uncounted) return at;
    }
    const end = this.#frameBytes(kept, 0);
    at = this.#keep(bytes, at, at + end - this.#length);
    if (this.#length < end) return at;
    this.#length = 0;
    take(((kept[0] ?? 0) << 8) | (kept[1] ?? 0), kept[6] ?? 0, kept.slice(headerBytes, end));
    return at;
  }

  /** Keeps bytes from one place to another, as far as there are any; gives where that was. */
  #keep(bytes: Uint8Array, from: number, to: number): number {
    const part = bytes.subarray(from, to);
    this.#kept.set(part, this.#length);
    this.#length += part.length;
    return from + part.length;
  }

  /** How long the frame is that begins here. [MODBUS-TCP 3.1.2] */
  #frameBytes(bytes: Uint8Array, at: number): number {
    const protocol = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    const frame = uncounted + (((bytes[at + 4] ?? 0) << 8) | (bytes[at + 5] ?? 0));
    if (protocol !== 0 || frame < headerBytes + 1 || frame > frameLimit) {
      this.reset();
      throw new GatewayError("E_MODBUS_FRAME", "what came is not a Modbus TCP header");
    }
    return frame;
  }
}

/**
 * RTU frames (MODBUS over Serial Line V1.02, "MODBUS-RTU").
 *
 *   | unit | pdu: function, data ... | CRC lo | CRC hi |    4..256 bytes
 *
 * A reply is found by unit, function, exact length and CRC. Silence inside a frame is not judged:
 * USB adapters and gateways cut frames into pieces with gaps of many characters.
 */
import { GatewayError } from "../../telemetry/index.ts";
import type { Framing } from "./framing.ts";
import { replyLength } from "./pdu.ts";

/** Reflected polynomial x^16 + x^15 + x^2 + 1. [MODBUS-RTU 2.5.1.2] */
const polynomial = 0xa001;

const crcTable = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >> 1) ^ polynomial : crc >> 1;
  return crc;
});

/** CRC-16/MODBUS; sent low byte first. [MODBUS-RTU 2.5.1.2] */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) crc = (crc >> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0);
  return crc;
}

/** The frame that carries a unit's PDU. */
export function encodeRtu(unit: number, pdu: Uint8Array): Uint8Array {
  const frame = new Uint8Array(pdu.length + 3);
  frame[0] = unit;
  frame.set(pdu, 1);
  const crc = crc16(frame.subarray(0, -2));
  frame.set([crc & 0xff, crc >> 8], pdu.length + 1);
  return frame;
}

/** Whether a frame's last two bytes are the CRC of the rest. */
export function crcFits(frame: Uint8Array): boolean {
  return crc16(frame.subarray(0, -2)) === (frame.at(-2) ?? 0) + ((frame.at(-1) ?? 0) << 8);
}

export interface RtuRequest {
  readonly unit: number;
  readonly pdu: Uint8Array;
  /** The request as it was sent, to know its echo. */
  readonly frame: Uint8Array;
}

export type RtuMatch =
  | {
      readonly kind: "reply";
      readonly pdu: Uint8Array;
      /** Where its frame stands in what was received. */
      readonly at: number;
      readonly end: number;
    }
  | { readonly kind: "wait" }
  | { readonly kind: "crc" };

/**
 * Looks for the reply to a request in everything received since it was sent. Of several the last
 * counts: devices answer in order. `echoes`: the line is known to hear itself.
 */
export function findReply(received: Uint8Array, request: RtuRequest, echoes = false): RtuMatch {
  const begin = echoLength(received, request.frame, echoes);
  let found: RtuMatch | undefined;
  let damaged = false;
  for (let at = 0; at < received.length; at += 1) {
    if (received[at] !== request.unit) continue;
    // The echo of a request for bits can have the form of a reply, with a right CRC.
    if (matchesAt(received, at, request.frame)) {
      at += request.frame.length - 1;
      continue;
    }
    const length = replyLength(request.pdu, received.subarray(at + 1));
    if (length === undefined || length === 0) continue;
    const end = at + 1 + length + 2;
    if (end > received.length) continue;
    if (crcFits(received.subarray(at, end))) {
      found = { kind: "reply", pdu: received.slice(at + 1, end - 2), at, end };
      at = end - 1;
    }
    // On a line not yet known to hear itself it may be the request that came back damaged.
    damaged ||= at === begin && end === received.length && !resembles(received, request.frame);
  }
  return found ?? { kind: damaged ? "crc" : "wait" };
}

/**
 * How much of what was received is the request itself: adapters on two wires may hear themselves.
 * A damaged echo is known only where one is expected.
 */
function echoLength(received: Uint8Array, frame: Uint8Array, expected: boolean): number {
  if (matchesAt(received, 0, frame)) return frame.length;
  return expected && resembles(received, frame) ? frame.length : 0;
}

/** Whether half of the bytes are those of the frame. */
function resembles(received: Uint8Array, frame: Uint8Array): boolean {
  if (received.length < frame.length) return false;
  const same = frame.reduce((sum, byte, at) => sum + (received[at] === byte ? 1 : 0), 0);
  return 2 * same >= frame.length;
}

function matchesAt(bytes: Uint8Array, at: number, part: Uint8Array): boolean {
  return bytes.length >= at + part.length && part.every((byte, i) => bytes[at + i] === byte);
}

/** Most bytes kept for one request: an echo, a stale frame and the reply, with room to spare. */
const receiveLimit = 1024;

/** Silent characters that end a frame. [MODBUS-RTU 2.5.1.1] */
export const silentCharacters = 3.5;

/** Above this speed the silence is fixed. [MODBUS-RTU 2.5.1.1] @unit bits per second */
const fastBaud = 19_200;
const fastSilence = 1.75;

/** Silence between frames, t3.5. [MODBUS-RTU 2.5.1.1] @unit ms */
export function frameSilence(baud: number, character: number): number {
  return baud > fastBaud ? fastSilence : silentCharacters * character;
}

/** Echoes in a row after which a line is known to hear itself. */
const sureOfEcho = 2;

/** Requests and replies of an RTU line, one at a time. */
export class RtuFraming implements Framing {
  #request: RtuRequest | undefined;
  #ended: RtuRequest | undefined;
  readonly #received = new Uint8Array(receiveLimit);
  #length = 0;
  #answered = false;
  #unasked = false;
  /** Requests in a row that were heard back; an adapter that stops echoing is noticed. */
  #echoes = 0;

  begin(unit: number, pdu: Uint8Array): Uint8Array {
    const frame = encodeRtu(unit, pdu);
    this.#request = { unit, pdu, frame };
    this.#length = 0;
    this.#answered = false;
    this.#unasked = false;
    return frame;
  }

  accept(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#request === undefined) {
      this.#overhear(bytes);
      return undefined;
    }
    if (this.#length + bytes.length > receiveLimit) {
      throw new GatewayError("E_MODBUS_FRAME", `more than ${receiveLimit} bytes without a reply`);
    }
    const match = this.#find(bytes, this.#request);
    if (match.kind === "crc") throw new GatewayError("E_MODBUS_CRC", "the checksum is wrong");
    if (match.kind === "wait") return undefined;
    this.#learnEcho(match.at);
    this.#received.copyWithin(0, match.end, this.#length);
    this.#length -= match.end;
    this.#answered = true;
    return match.pdu;
  }

  end(): boolean {
    const noise = !this.#answered && this.#length > 0 && !this.#learnEcho(this.#length);
    if (!this.#answered) this.#length = 0;
    this.#ended = this.#request;
    this.#request = undefined;
    return noise;
  }

  unasked(): boolean {
    const unasked = this.#unasked;
    this.#unasked = false;
    return unasked;
  }

  reset(): void {
    this.#request = undefined;
    this.#ended = undefined;
    this.#length = 0;
    this.#echoes = 0;
  }

  /** Answers that nobody waits for any more: one came twice, or the line is out of step. */
  #overhear(bytes: Uint8Array): void {
    if (this.#ended === undefined) return;
    if (this.#length + bytes.length > receiveLimit) this.#length = 0;
    if (bytes.length > receiveLimit) return;
    if (this.#find(bytes, this.#ended).kind !== "reply") return;
    this.#unasked = true;
    this.#length = 0;
  }

  #find(bytes: Uint8Array, request: RtuRequest): RtuMatch {
    this.#received.set(bytes, this.#length);
    this.#length += bytes.length;
    const received = this.#received.subarray(0, this.#length);
    return findReply(received, request, this.#echoes >= sureOfEcho);
  }

  /** Whether the first `length` bytes received, before a reply or without one, are an echo. */
  #learnEcho(length: number): boolean {
    const frame = this.#request?.frame ?? new Uint8Array();
    const sure = this.#echoes >= sureOfEcho;
    const heard = this.#received.subarray(0, length);
    const echo = echoLength(heard, frame, sure);
    // One byte more: the turn of the line leaves a stray one.
    if (echo > 0 && length <= frame.length + 1) {
      this.#echoes = Math.min(this.#echoes + 1, sureOfEcho);
      return true;
    }
    if (length === 0) this.#echoes = 0;
    // Bytes of a damaged echo may be lost.
    return sure && length < frame.length;
  }
}

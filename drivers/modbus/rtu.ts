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
  | { readonly kind: "reply"; readonly pdu: Uint8Array }
  | { readonly kind: "wait" }
  | { readonly kind: "crc" };

/** Looks for the reply to a request in everything received since it was sent. */
export function findReply(received: Uint8Array, request: RtuRequest): RtuMatch {
  // Adapters on two wires may hear themselves: the request comes back before the reply.
  const begin = startsWith(received, request.frame) ? request.frame.length : 0;
  let damaged = false;
  for (let at = begin; at < received.length; at += 1) {
    if (received[at] !== request.unit) continue;
    const length = replyLength(request.pdu, received.subarray(at + 1));
    if (length === undefined || length === 0) continue;
    const end = at + 1 + length + 2;
    if (end > received.length) continue;
    if (crcFits(received.subarray(at, end))) {
      return { kind: "reply", pdu: received.slice(at + 1, end - 2) };
    }
    damaged ||= at === begin && end === received.length;
  }
  return { kind: damaged ? "crc" : "wait" };
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length && start.every((byte, at) => bytes[at] === byte);
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

/** Requests and replies of an RTU line, one at a time. */
export class RtuFraming implements Framing {
  #request: RtuRequest | undefined;
  #received = new Uint8Array(receiveLimit);
  #length = 0;

  begin(unit: number, pdu: Uint8Array): Uint8Array {
    const frame = encodeRtu(unit, pdu);
    this.#request = { unit, pdu, frame };
    this.#length = 0;
    return frame;
  }

  accept(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#request === undefined) return undefined;
    if (this.#length + bytes.length > receiveLimit) {
      throw new GatewayError("E_MODBUS_FRAME", `more than ${receiveLimit} bytes without a reply`);
    }
    this.#received.set(bytes, this.#length);
    this.#length += bytes.length;
    const match = findReply(this.#received.subarray(0, this.#length), this.#request);
    if (match.kind === "crc") throw new GatewayError("E_MODBUS_CRC", "the checksum is wrong");
    return match.kind === "reply" ? match.pdu : undefined;
  }

  end(): boolean {
    this.#request = undefined;
    return this.#length > 0;
  }

  reset(): void {
    this.#request = undefined;
    this.#length = 0;
  }
}

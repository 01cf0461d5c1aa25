/**
 * Frames of Lufft's UMB protocol 1.0, binary (UMB protocol V1.0 specification, "UMB").
 *
 *   | SOH | ver | to 2 | from 2 | len | STX | cmd | verc | payload … | ETX | CRC 2 | EOT |
 *
 *   to, from  bits 12-15 class, 0-7 device; F001 is the first master
 *   len       bytes of cmd, verc and payload, at most 210
 *   CRC       CRC-16/MCRF4XX from SOH through ETX
 *
 * Everything of two bytes and more travels lowest byte first.
 */
import { invariant } from "../../telemetry/index.ts";

const signs = { soh: 0x01, stx: 0x02, etx: 0x03, eot: 0x04 } as const;
const version = 0x10;
/** Bytes around command and payload, and before the command. */
const frameBytes = 12;
const headBytes = 8;
/** @unit bytes */
const mostLength = 210;
export const longestFrame = frameBytes + mostLength;

/** The first master. */
export const masterAddress = 0xf001;

/** Reflected polynomial x^16 + x^12 + x^5 + 1. */
const polynomial = 0x8408;

const crcTable = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >> 1) ^ polynomial : crc >> 1;
  return crc;
});

function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) crc = (crc >> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0);
  return crc;
}

export interface Frame {
  readonly to: number;
  readonly from: number;
  readonly command: number;
  /** Of the command, high nibble first: 10 is 1.0. */
  readonly commandVersion: number;
  readonly payload: Uint8Array;
}

/** The address of a device of a class. */
export function addressOf(deviceClass: number, device: number): number {
  return (deviceClass << 12) | device;
}

export function encodeFrame({ to, from, command, commandVersion, payload }: Frame): Uint8Array {
  const length = payload.length + 2;
  invariant(length <= mostLength, "a frame carries at most 208 bytes");
  const head = [signs.soh, version, to & 0xff, to >> 8, from & 0xff, from >> 8, length];
  const body = [...head, signs.stx, command, commandVersion, ...payload, signs.etx];
  const crc = crc16(Uint8Array.from(body));
  return Uint8Array.of(...body, crc & 0xff, crc >> 8, signs.eot);
}

/** The first whole frame that pleases `wanted`; damaged and other ones are passed over. */
export function findFrame(
  received: Uint8Array,
  wanted: (frame: Frame) => boolean,
): Frame | undefined {
  for (let at = 0; at + frameBytes < received.length; at += 1) {
    const frame = frameAt(received.subarray(at));
    if (frame !== undefined && wanted(frame)) return frame;
  }
  return undefined;
}

function frameAt(bytes: Uint8Array): Frame | undefined {
  const [soh, ver, toLow = 0, toHigh = 0, fromLow = 0, fromHigh = 0, length = 0, stx] = bytes;
  if (soh !== signs.soh || ver !== version || stx !== signs.stx) return undefined;
  if (length < 2 || length > mostLength || bytes.length < length + frameBytes) return undefined;
  const body = bytes.subarray(0, headBytes + length + 1);
  const [low = 0, high = 0, eot] = bytes.subarray(body.length);
  if (body.at(-1) !== signs.etx || eot !== signs.eot) return undefined;
  if (crc16(body) !== low + (high << 8)) return undefined;
  return {
    to: toLow + (toHigh << 8),
    from: fromLow + (fromHigh << 8),
    command: body[headBytes] ?? 0,
    commandVersion: body[headBytes + 1] ?? 0,
    payload: body.slice(headBytes + 2, -1),
  };
}

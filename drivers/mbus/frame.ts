/**
 * Frames of M-Bus on two wires (EN 13757-2, format class FT 1.2 of IEC 60870-5-1).
 *
 *   | E5 |                                            acknowledgement
 *   | 10 | C | A | CS | 16 |                          short
 *   | 68 | L | L | 68 | C | A | CI | data … | CS | 16 |   long, L = bytes from C through data
 *
 *   C   control: SND_NKE 40, REQ_UD2 5B and 7B (frame count bit), SND_UD 53 and 73, RSP_UD 08
 *   A   primary address 0 to 250; 253 whoever was selected; 254 whoever there is
 *   CS  sum from C through data, modulo 256                    [MBUS-DOC 5.2]
 */
import { invariant } from "../../telemetry/index.ts";

export const acknowledgement = 0xe5;
const shortStart = 0x10;
const longStart = 0x68;
const end = 0x16;

/** The longest frame. [MBUS-DOC 5.2] @unit bytes */
export const longestFrame = 261;

/** Addresses with a meaning of their own. [MBUS-DOC 5.3] */
export const addresses = { selected: 253, whoever: 254 } as const;

/** Control bytes. [MBUS-DOC 5.3] */
export const controls = {
  reset: 0x40,
  select: 0x73,
  request: 0x5b,
  response: 0x08,
  /** Toggles with each telegram that was received well. */
  frameCount: 0x20,
} as const;

/** Access demand and data flow control of a response: no part of its function. */
const responseFlags = 0x30;

export interface LongFrame {
  readonly control: number;
  readonly address: number;
  /** What the data is: 72 a response with a long header, and so on. */
  readonly information: number;
  readonly data: Uint8Array;
}

export function encodeShort(control: number, address: number): Uint8Array {
  return Uint8Array.of(shortStart, control, address, (control + address) & 0xff, end);
}

export function encodeLong({ control, address, information, data }: LongFrame): Uint8Array {
  const length = data.length + 3;
  invariant(length <= 255, "a frame carries at most 252 bytes");
  const body = Uint8Array.of(control, address, information, ...data);
  return Uint8Array.of(longStart, length, length, longStart, ...body, sumOf(body), end);
}

/** The first whole response that pleases `wanted`; damaged and other ones are passed over. */
export function findResponse(
  received: Uint8Array,
  wanted: (frame: LongFrame) => boolean,
): LongFrame | undefined {
  for (let at = 0; at + 9 <= received.length; at += 1) {
    const frame = longAt(received.subarray(at));
    if (frame === undefined || (frame.control & ~responseFlags) !== controls.response) continue;
    if (wanted(frame)) return frame;
  }
  return undefined;
}

function longAt(bytes: Uint8Array): LongFrame | undefined {
  const length = bytes[1] ?? 0;
  if (bytes[0] !== longStart || bytes[3] !== longStart || bytes[2] !== length) return undefined;
  if (length < 3 || bytes.length < length + 6) return undefined;
  const body = bytes.subarray(4, length + 4);
  if (bytes[length + 4] !== sumOf(body) || bytes[length + 5] !== end) return undefined;
  const [control = 0, address = 0, information = 0] = body;
  return { control, address, information, data: body.slice(3) };
}

function sumOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0);
}

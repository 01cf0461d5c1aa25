/**
 * Frames in bytes that nobody waited for: late answers, second answers, another master. Pure.
 */
import { pduLimits } from "../pdu.ts";
import { crcFits } from "../rtu.ts";
import type { Stray } from "./wire.ts";

export interface Overheard {
  readonly frames: readonly Stray[];
  /** Bytes that belong to no frame. */
  readonly rest: Uint8Array;
}

/** Bytes of a request that reads, or writes one value. [MODBUS-AP 6.1, 6.3] */
const requestBytes = 8;
const exceptionBytes = 5;

/** Everything in these bytes whose checksum is right. */
export function framesIn(bytes: Uint8Array): Overheard {
  const frames: Stray[] = [];
  const rest: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const frame = frameAt(bytes.subarray(at));
    if (frame === undefined) {
      rest.push(bytes[at] ?? 0);
      at += 1;
      continue;
    }
    frames.push(frame);
    at += frame.pdu.length + 3;
  }
  return { frames, rest: Uint8Array.from(rest) };
}

function frameAt(bytes: Uint8Array): Stray | undefined {
  const [unit = 0, code = 0, third = 0] = bytes;
  const as = (length: number, request: boolean): Stray | undefined => {
    if (length > bytes.length || length > pduLimits.bytes + 3) return undefined;
    const frame = bytes.subarray(0, length);
    return crcFits(frame) ? { unit, pdu: frame.slice(1, -2), request } : undefined;
  };
  if (code >= 0x81 && code <= 0xab) return as(exceptionBytes, false);
  const answer = code >= 1 && code <= 4 && third > 0 ? as(5 + third, false) : undefined;
  const request = code >= 1 && code <= 6 ? as(requestBytes, true) : undefined;
  return answer ?? request ?? (code === 0x2b ? deviceId(bytes, as) : undefined);
}

/** An identification is as long as its texts say, from 7 bytes of head on. [MODBUS-AP 6.21] */
function deviceId(
  bytes: Uint8Array,
  as: (length: number, request: boolean) => Stray | undefined,
): Stray | undefined {
  let length = 8;
  for (let left = bytes[7] ?? 0; left > 0; left -= 1) {
    const text = bytes[length + 1];
    if (text === undefined) return undefined;
    length += 2 + text;
  }
  return as(length + 2, false);
}

/**
 * Plantower PMS1003/3003/5003/7003/A003 in active mode, 9600 8N1 (data manual PMS5003 V2.3,
 * appendix I "PMS5003 transport protocol - active mode").
 *
 *   0      2        4                     10                            L+2
 *   | 42 4D | length | pm1 pm2.5 pm10 CF=1 | pm1 pm2.5 pm10 air | … | sum |   16 bit, high first
 *
 * Length counts the words and the sum: 28 (5003), 20 (3003), 36 (5003ST). The sum is over all bytes
 * before it. Concentrations in µg/m³; those "under atmospheric environment" are taken, because
 * CF=1 is for factories.
 */
import type { Values } from "./fields.ts";
import type { FrameForm } from "./frames.ts";

const lengths: readonly number[] = [20, 28, 36];

/** Longest frame. @unit bytes */
export const plantowerLimit = 4 + 36;

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

export const plantower: FrameForm<Values> = {
  head: [0x42, 0x4d],

  lengthOf(bytes) {
    if (bytes.length < 4) return undefined;
    const length = word(bytes, 2);
    return lengths.includes(length) ? length + 4 : 0;
  },

  decode(frame) {
    const end = frame.length - 2;
    let sum = 0;
    for (const byte of frame.subarray(0, end)) sum += byte;
    if ((sum & 0xffff) !== word(frame, end)) return undefined;
    return {
      pm1_ugm3: { at: 10, raw: frame.subarray(10, 12), value: word(frame, 10) },
      pm25_ugm3: { at: 12, raw: frame.subarray(12, 14), value: word(frame, 12) },
      pm10_ugm3: { at: 14, raw: frame.subarray(14, 16), value: word(frame, 14) },
    };
  },
};

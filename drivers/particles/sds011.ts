/**
 * Nova Fitness SDS011 and SDS021 in active mode, 9600 8N1 (Laser PM2.5 Sensor specification
 * SDS011 V1.3, "UART communication protocol").
 *
 *   0    1    2          4         6        8     9
 *   | AA | C0 | pm2.5 ×10 | pm10 ×10 | id id | sum | AB |       low byte first, in 0.1 µg/m³
 *
 * The sum is over bytes 2 to 7, its low byte alone.
 */
import type { Values } from "./fields.ts";
import type { FrameForm } from "./frames.ts";

/** Length of each frame. @unit bytes */
export const sds011Length = 10;

export const sds011: FrameForm<Values> = {
  head: [0xaa, 0xc0],

  lengthOf: () => sds011Length,

  decode(frame) {
    let sum = 0;
    for (const byte of frame.subarray(2, 8)) sum += byte;
    if ((sum & 0xff) !== frame[8] || frame[9] !== 0xab) return undefined;
    const tenths = (at: number) => ({
      at,
      raw: frame.subarray(at, at + 2),
      value: ((frame[at] ?? 0) | ((frame[at + 1] ?? 0) << 8)) / 10,
    });
    return { pm25_ugm3: tenths(2), pm10_ugm3: tenths(4) };
  },
};

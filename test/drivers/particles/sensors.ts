/** Frames as the sensors' data sheets draw them, made without the driver's own code. */

export interface Dust {
  /** @unit µg/m³ */
  readonly pm1: number;
  readonly pm25: number;
  readonly pm10: number;
}

/** [PMS5003 V2.3, appendix I]. @param length what stands in the length field */
export function plantowerFrame({ pm1, pm25, pm10 }: Dust, length = 28): Buffer {
  const frame = Buffer.alloc(length + 4);
  frame.write("BM");
  frame.writeUInt16BE(length, 2);
  // CF=1 differs, so that a test sees which of the two was taken.
  [pm1 + 1, pm25 + 1, pm10 + 1, pm1, pm25, pm10].forEach((value, index) =>
    frame.writeUInt16BE(value, 4 + 2 * index),
  );
  const sum = frame.subarray(0, length + 2).reduce((total, byte) => total + byte, 0);
  frame.writeUInt16BE(sum % 65_536, length + 2);
  return frame;
}

/** [SDS011 V1.3, UART communication protocol] */
export function sds011Frame({ pm25, pm10 }: Dust): Buffer {
  const frame = Buffer.from("aac0000000000102 00ab".replace(" ", ""), "hex");
  frame.writeUInt16LE(Math.round(pm25 * 10), 2);
  frame.writeUInt16LE(Math.round(pm10 * 10), 4);
  frame[8] = frame.subarray(2, 8).reduce((total, byte) => total + byte, 0) % 256;
  return frame;
}

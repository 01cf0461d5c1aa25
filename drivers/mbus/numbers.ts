/**
 * Numbers of M-Bus records, lowest byte first (EN 13757-3 annex A): type A BCD, B two's complement,
 * H real. What is no number is undefined: the meter has no value, or shows an error.
 */

/** Type B; the lowest number there is means "invalid". [MBUS-DOC 8.4] */
export function decodeWhole(bytes: Uint8Array): number | undefined {
  let value = 0n;
  for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
  const signed = BigInt.asIntN(bytes.length * 8, value);
  if (bytes.length > 1 && signed === -(1n << BigInt(bytes.length * 8 - 1))) return undefined;
  return Number(signed);
}

/** Type A; F as highest digit is a minus sign, other letters show an error. [MBUS-DOC 8.4] */
export function decodeBcd(bytes: Uint8Array): number | undefined {
  const text = Buffer.from(bytes.toReversed()).toString("hex");
  const negative = text.startsWith("f") && text.length > 1;
  const digits = negative ? text.slice(1) : text;
  if (!/^\d+$/.test(digits)) return undefined;
  return negative ? -Number(digits) : Number(digits);
}

/** Type H, a single of IEEE 754. [MBUS-DOC 8.4] */
export function decodeReal(bytes: Uint8Array): number | undefined {
  const value = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getFloat32(0, true);
  // Seven digits are what a single holds: 21.3, not 21.299999237060547.
  return Number.isFinite(value) ? Number(value.toPrecision(7)) : undefined;
}

/** Type D: bits, read as a number without sign. [MBUS-DOC 8.4] */
export function decodeFlags(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

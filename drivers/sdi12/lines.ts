/**
 * What travels on an SDI-12 bus (SDI-12 version 1.4): printable characters, a command ends in `!`,
 * an answer in CR LF, and both begin with the sensor's address.
 *
 *   aM!    atttn CR LF     n values in ttt seconds, then a CR LF (service request)
 *   aC!    atttnn CR LF    the same without service request; others may be asked meanwhile
 *   aD0!   a+3.14-2 CR LF  values; with a CRC before CR LF after aMC!, aCC!
 *   aR0!   as aD0!
 */

/** A CRC as three characters of six bits. [SDI12-1.4 4.4.12] */
export function crcText(text: string): string {
  let crc = 0;
  for (const byte of Buffer.from(text, "latin1")) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >> 1) ^ polynomial : crc >> 1;
  }
  const sixes = [crc >> 12, (crc >> 6) & 0x3f, crc & 0x3f];
  return String.fromCodePoint(...sixes.map((six) => 0x40 | six));
}

const polynomial = 0xa001;
const crcLength = 3;

/** Address, 75 characters of values, CRC, CR LF. [SDI12-1.4 4.4] @unit bytes */
export const longestAnswer = 81;

/** A value: a sign, up to seven digits, a point among them. [SDI12-1.4 4.4] */
const valuePattern = /[+-](?:\d+\.?\d*|\.\d+)/g;
const valuesPattern = /^(?:[+-](?:\d+\.?\d*|\.\d+))*$/;
const mostDigits = 7;

/**
 * The answer to a command in what was received: the first whole line that begins with the address,
 * without its address; the command's own echo may stand before it. `*` fits every address.
 */
export function findLine<Answer>(
  received: Uint8Array,
  { command, address }: { readonly command: string; readonly address: string },
  read: (line: string, address: string) => Answer | undefined,
): Answer | undefined {
  const lines = Buffer.from(received).toString("latin1").split("\r\n");
  for (const raw of lines.slice(0, -1)) {
    // A break is heard as a NUL by adapters that hear themselves.
    const bare = raw.replace(/^\0+/, "");
    const line = bare.startsWith(command) ? bare.slice(command.length) : bare;
    const [own = ""] = line;
    if (address === anyAddress ? !isAddress(own) : own !== address) continue;
    const answer = read(line.slice(1), own);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** Asks whoever is the only one on the bus. [SDI12-1.4 4.4] */
export const anyAddress = "?";

export function isAddress(text: string): boolean {
  return /^[0-9A-Za-z]$/.test(text);
}

/** What a sensor promises for a measurement. */
export interface Promised {
  /** @unit s */
  readonly seconds: number;
  readonly count: number;
}

/** `0133`: three values in 13 seconds; concurrent measurements have two digits for the count. */
export function decodePromise(line: string): Promised | undefined {
  const [, seconds, count] = /^(\d{3})(\d{1,2})$/.exec(line) ?? [];
  if (seconds === undefined || count === undefined) return undefined;
  return { seconds: Number(seconds), count: Number(count) };
}

/** The values of a line; undefined: it is none, or its CRC is wrong. */
export function decodeValues(line: string, address: string, crc: boolean): string[] | undefined {
  const values = crc ? line.slice(0, -crcLength) : line;
  if (crc && (line.length < crcLength || line.slice(-crcLength) !== crcText(address + values))) {
    return undefined;
  }
  if (!valuesPattern.test(values)) return undefined;
  const found = values.match(valuePattern) ?? [];
  return found.every((value) => value.replace(/\D/g, "").length <= mostDigits) ? found : undefined;
}

/** Who a sensor says it is. [SDI12-1.4 4.4.2] */
export interface Identification {
  readonly vendor: string;
  readonly model: string;
}

/** `14METER   TER12 317…`: version 2, vendor 8, model 6, version of the sensor 3, more. */
export function decodeIdentification(line: string): Identification | undefined {
  const [, vendor, model] = /^\d\d([ -~]{8})([ -~]{6})[ -~]{3,16}$/.exec(line) ?? [];
  if (vendor === undefined || model === undefined) return undefined;
  return { vendor: vendor.trim(), model: model.trim() };
}

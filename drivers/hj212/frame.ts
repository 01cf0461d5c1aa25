/**
 * Frames of HJ 212-2017 (data transmission standard for online monitoring systems of pollutant,
 * section 6.3.2 "structure of the communication packet").
 *
 *   0    2      6            6+L       10+L
 *   | ## | 0101 | data (L)  | CRC 1C80 | CR LF |           all of it ASCII
 *
 * The length counts the data alone: 1024 by the standard, more in the field. The checksum is four
 * hexadecimal digits of a CRC that is not CRC-16/MODBUS: the register is shifted by a whole byte
 * before the byte is taken in (appendix A).
 */

const head = "##";

/** Longest data that four digits can tell. @unit bytes */
export const dataLimit = 9999;

/** Bytes looked at in vain that one piece of the stream may cost: about 5 ms. */
const vainLimit = 64 * 1024;

/** What it costs to find that no frame begins at a head, beside its checksum. @unit bytes */
const headCost = 64;

const headBytes = 6;
const checkBytes = 4;

/** [HJ-212-2017 A] */
export function crc212(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc = (crc >> 8) ^ byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}

/** [HJ-212-2017 6.3.2] */
export function encodeFrame(data: string): Uint8Array {
  const bytes = Buffer.from(data, "latin1");
  const length = String(bytes.length).padStart(4, "0");
  const check = crc212(bytes).toString(16).toUpperCase().padStart(4, "0");
  return Buffer.from(`${head}${length}${data}${check}\r\n`, "latin1");
}

/** A frame as it came. */
export interface Frame {
  /** Latin-1: what is not ASCII, such as a station's name in GBK, is of no use here. */
  readonly data: string;
  readonly valid: boolean;
}

export interface Cut {
  readonly frames: readonly Frame[];
  /** Bytes that belong to no frame, line ends left out. */
  readonly skipped: number;
}

/** Cuts a stream into frames; keeps less than one frame. */
export class FrameReader {
  #kept: Buffer = Buffer.alloc(0);
  readonly #believes: (data: string) => boolean;

  /** @param believes whether a frame's data is taken though its checksum is wrong */
  constructor(believes: (data: string) => boolean = () => false) {
    this.#believes = believes;
  }

  /** Bytes of an unfinished frame. */
  get pending(): number {
    return this.#kept.length;
  }

  accept(bytes: Uint8Array): Cut {
    const all = Buffer.concat([this.#kept, bytes]);
    const frames: Frame[] = [];
    const newest = all.lastIndexOf(`\r\n${head}`, undefined, "latin1");
    let skipped = 0;
    let vain = 0;
    let at = 0;
    for (;;) {
      if (vain > vainLimit) {
        // Heads upon heads with no frame behind them: nobody's data, and dear to look at.
        skipped += all.length - at;
        at = all.length;
      }
      const begin = beginOf(all, at);
      skipped += garbage(all.subarray(at, begin));
      at = begin;
      const length = lengthAt(all, at);
      if (length === undefined) break;
      if (Number.isNaN(length)) {
        skipped += 1;
        vain += headCost;
        at += 1;
        continue;
      }
      const end = at + headBytes + length + checkBytes;
      if (end > all.length && newest < at + head.length) break;
      if (end > all.length) {
        // The next frame has begun before this one's length was there: the length is wrong.
        skipped += head.length;
        vain += headCost;
        at += head.length;
        continue;
      }
      const frame = frameAt(all, at, end);
      frames.push(frame);
      // Of a broken frame only the head is passed over: a whole one may begin inside.
      const taken = frame.valid || this.#believes(frame.data);
      if (!taken) vain += length + headCost;
      at = taken ? end : at + head.length;
    }
    this.#kept = Buffer.from(all.subarray(at));
    return { frames, skipped };
  }
}

function beginOf(all: Buffer, from: number): number {
  const found = all.indexOf(head, from, "latin1");
  if (found !== -1) return found;
  // Half a head may be the last byte.
  return all.length > from && all.at(-1) === head.charCodeAt(0) ? all.length - 1 : all.length;
}

/** Undefined: not here yet; NaN: no length stands there. */
function lengthAt(all: Buffer, at: number): number | undefined {
  const digits = all.toString("latin1", at + head.length, at + headBytes);
  if (!/^\d*$/.test(digits)) return Number.NaN;
  return digits.length < 4 ? undefined : Number(digits);
}

function frameAt(all: Buffer, at: number, end: number): Frame {
  const data = all.subarray(at + headBytes, end - checkBytes);
  const check = all.toString("latin1", end - checkBytes, end);
  const valid = /^[0-9a-f]{4}$/i.test(check) && Number.parseInt(check, 16) === crc212(data);
  return { data: data.toString("latin1"), valid };
}

function garbage(bytes: Buffer): number {
  let count = 0;
  for (const byte of bytes) if (byte !== 0x0d && byte !== 0x0a) count += 1;
  return count;
}

/**
 * One line of text under construction, as bytes: a line of ten numbers costs less than half of
 * what strings joined piece by piece do. Numbers are written as JavaScript shows them, digit by
 * digit where they are whole or have up to four decimals, as nearly all readings do.
 *
 * Memory: one buffer, grown to the longest line met.
 */
import { Buffer } from "node:buffer";

/** Longest number: `-1.7976931348623157e+308`. @unit bytes */
const numberSize = 24;
/** UTF-8 of one UTF-16 unit, at most. @unit bytes */
const unitSize = 3;

const [zero, minus, point] = [0x30, 0x2d, 0x2e];
const billion = 1e9;

/** How a line begins. */
export interface Head {
  readonly bytes: Uint8Array;
  /** Whether all of them are ASCII. */
  readonly ascii: boolean;
}

export function headOf(text: string): Head {
  const bytes = Buffer.from(text);
  return { bytes, ascii: bytes.length === text.length };
}

export class LineBytes {
  #bytes = Buffer.allocUnsafeSlow(4096);
  #length = 0;
  #ascii = true;

  /** Begins anew with these bytes. */
  start(head: Head): void {
    this.#length = 0;
    this.#ascii = head.ascii;
    this.#reserve(head.bytes.length);
    this.#copy(head.bytes);
  }

  /** Adds ASCII bytes and then a number. */
  addNumber(before: Uint8Array, value: number): void {
    this.#reserve(before.length + numberSize);
    this.#copy(before);
    let rest = value;
    if (value < 0) {
      this.#put(minus);
      rest = -value;
    }
    if (!this.#decimal(rest)) this.#copyAscii(`${rest}`);
  }

  /** Adds ASCII bytes and then any text. */
  addText(before: Uint8Array, text: string): void {
    this.#reserve(before.length + text.length * unitSize);
    this.#copy(before);
    const written = this.#bytes.write(text, this.#length);
    this.#length += written;
    if (written !== text.length) this.#ascii = false;
  }

  /** Adds one ASCII character. */
  addChar(code: number): void {
    this.#reserve(1);
    this.#put(code);
  }

  /** Changes the character at a place into another of ASCII. */
  setChar(at: number, code: number): void {
    this.#bytes[at] = code;
  }

  get length(): number {
    return this.#length;
  }

  toString(): string {
    // One byte a character is the quickest to slice, to join and to send.
    return this.#bytes.toString(this.#ascii ? "latin1" : "utf8", 0, this.#length);
  }

  /** Writes a number that is whole or has few decimals; false: it is another. */
  #decimal(value: number): boolean {
    if (Number.isSafeInteger(value)) {
      this.#whole(value);
      return true;
    }
    // What is equal to a quotient of whole numbers is shown as that quotient: no other text of
    // so few digits is nearer to it.
    if (value < 1e7 && Math.round(value * 100) / 100 === value) {
      this.#fraction(Math.round(value * 100), 100);
      return true;
    }
    if (value < 1e5 && value >= 1e-4 && Math.round(value * 1e4) / 1e4 === value) {
      this.#fraction(Math.round(value * 1e4), 1e4);
      return true;
    }
    return false;
  }

  #fraction(scaled: number, scale: number): void {
    const whole = Math.trunc(scaled / scale);
    this.#whole(whole);
    this.#put(point);
    let rest = scaled - whole * scale;
    for (let unit = scale / 10; rest > 0; unit /= 10) {
      const digit = Math.trunc(rest / unit);
      this.#put(zero + digit);
      rest -= digit * unit;
    }
  }

  #whole(value: number): void {
    if (value < billion) return this.#digits(value, digitsOf(value));
    const high = Math.trunc(value / billion);
    this.#digits(high, digitsOf(high));
    this.#digits(value - high * billion, 9);
  }

  /** Writes `count` digits of a whole number below a billion, leading zeros included. */
  #digits(value: number, count: number): void {
    let rest = value;
    for (let at = this.#length + count - 1; at >= this.#length; at -= 1) {
      const tens = Math.trunc(rest / 10);
      this.#bytes[at] = zero + rest - tens * 10;
      rest = tens;
    }
    this.#length += count;
  }

  #copy(bytes: Uint8Array): void {
    const to = this.#bytes;
    let at = this.#length;
    // For some twenty bytes a loop is faster than a call into the runtime.
    for (let i = 0; i < bytes.length; i += 1, at += 1) to[at] = bytes[i] ?? 0;
    this.#length = at;
  }

  #copyAscii(text: string): void {
    for (let i = 0; i < text.length; i += 1) this.#put(text.charCodeAt(i));
  }

  #put(code: number): void {
    this.#bytes[this.#length] = code;
    this.#length += 1;
  }

  #reserve(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(2 * needed);
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let power = 10; value >= power; power *= 10) digits += 1;
  return digits;
}

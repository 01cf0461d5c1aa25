/**
 * A UART, bit by bit: bytes become levels over time, levels become bytes at whatever speed, parity
 * and polarity the other end believes in. Nothing here knows what a doctor looks for.
 */
import type { LineSettings } from "../../../../drivers/modbus/doctor/index.ts";

/** A level, 0 or 1 (mark), from a time on. */
export interface Edge {
  /** @unit ms */
  readonly at: number;
  readonly level: 0 | 1;
}

/** @unit ms */
export function bitTime({ baud }: LineSettings): number {
  return 1000 / baud;
}

/** The levels of one character: start, data from the lowest bit, parity, stop. */
export function bitsOf(byte: number, { dataBits, parity, stopBits }: LineSettings): (0 | 1)[] {
  const bits: (0 | 1)[] = [0];
  let ones = 0;
  for (let bit = 0; bit < dataBits; bit += 1) {
    const level = (byte >> bit) & 1 ? 1 : 0;
    ones += level;
    bits.push(level);
  }
  if (parity !== "none") bits.push((ones & 1) === (parity === "even" ? 1 : 0) ? 1 : 0);
  for (let stop = 0; stop < stopBits; stop += 1) bits.push(1);
  return bits;
}

/** @unit ms */
export function characterTimeOf(settings: LineSettings): number {
  return bitsOf(0, settings).length * bitTime(settings);
}

export interface Received {
  readonly byte: number;
  /** When its stop bit was sampled. @unit ms */
  readonly at: number;
  readonly parityError: boolean;
  readonly framingError: boolean;
}

/** What a receiver sees: when the level changes, and the level at a moment as it samples it. */
export interface Signal {
  /** When the level next becomes this one, after `from` and up to `to`. */
  next(level: 0 | 1, from: number, to: number): number | undefined;
  sample(at: number): 0 | 1;
}

/** The receiving half: goes along a signal and gives the characters in it. */
export class Receiver {
  readonly #settings: LineSettings;
  #cursor: number;

  constructor(settings: LineSettings, from: number) {
    this.#settings = settings;
    this.#cursor = from;
  }

  /** The characters whose stop bit was sampled by `now`. */
  receive(signal: Signal, now: number): Received[] {
    const found: Received[] = [];
    const bit = bitTime(this.#settings);
    const bits = bitsOf(0, { ...this.#settings, stopBits: 1 }).length;
    for (;;) {
      const start = this.#nextStart(signal, now);
      if (start === undefined) return found;
      const end = start + (bits - 0.5) * bit;
      if (end > now) return found;
      if (signal.sample(start + bit / 2) === 1) {
        // A glitch, not a start bit.
        this.#cursor = start + bit / 2;
        continue;
      }
      found.push(this.#character(signal, start));
      this.#cursor = end;
      const last = found.at(-1);
      if (last?.framingError === true && last.byte === 0) {
        // A break: the receiver waits for the line to rest again.
        const rest = signal.next(1, end, now);
        if (rest === undefined) {
          this.#held = true;
          return found;
        }
        this.#cursor = rest;
      }
    }
  }

  #held = false;

  #nextStart(signal: Signal, now: number): number | undefined {
    if (this.#held) {
      const rest = signal.next(1, this.#cursor, now);
      if (rest === undefined) return undefined;
      this.#held = false;
      this.#cursor = rest;
    }
    return signal.next(0, this.#cursor, now);
  }

  #character(signal: Signal, start: number): Received {
    const { dataBits, parity } = this.#settings;
    const bit = bitTime(this.#settings);
    const at = (index: number): 0 | 1 => signal.sample(start + (index + 0.5) * bit);
    let byte = 0;
    let ones = 0;
    for (let index = 0; index < dataBits; index += 1) {
      const level = at(1 + index);
      byte |= level << index;
      ones += level;
    }
    let parityError = false;
    let stop = 1 + dataBits;
    if (parity !== "none") {
      const expected = (ones & 1) === (parity === "even" ? 1 : 0) ? 1 : 0;
      parityError = at(stop) !== expected;
      stop += 1;
    }
    const framingError = at(stop) === 0;
    return { byte, at: start + (stop + 0.5) * bit, parityError, framingError };
  }
}

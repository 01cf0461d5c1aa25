/**
 * Sentences of NMEA 0183 (version 3.01, section 5.3).
 *
 *   $ WI MWV , 214.8 , R , 0.1 , K , A * 28 CR LF
 *     |  |     fields, any may be empty    |
 *     |  type                              exclusive or of all between $ and *, in hexadecimal
 *     talker, two letters (P: the maker's own sentence)
 *
 * The standard allows 82 characters; makers send more.
 */

/** Longest line that is looked at. @unit characters */
export const lineLimit = 512;

export interface Sentence {
  readonly talker: string;
  readonly type: string;
  /** From the first after the type; the standard counts them from 1, and so does `fieldOf`. */
  readonly fields: readonly string[];
}

/** A field as the standard numbers it; what is not there is empty. */
export function fieldOf({ fields }: Sentence, number: number): string {
  return fields[number - 1] ?? "";
}

/** A field as a number; undefined: it is empty, because the instrument has no value. */
export function numberOf(sentence: Sentence, number: number): number | undefined {
  return decimal(fieldOf(sentence, number));
}

export function decimal(text: string): number | undefined {
  return /^[-+]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : undefined;
}

/** [NMEA-0183 5.3.3] */
export function checksumOf(body: string): string {
  let sum = 0;
  for (let at = 0; at < body.length; at += 1) sum ^= body.charCodeAt(at);
  return (sum & 0xff).toString(16).toUpperCase().padStart(2, "0");
}

/**
 * The sentence of a line, or undefined when it is none or its checksum is wrong.
 * @param strict a checksum must be there
 */
export function parseSentence(line: string, strict: boolean): Sentence | undefined {
  // A tag block of NMEA 4 may stand in front: \s:station*4D\$WIMWV…
  const begin = line.lastIndexOf("$");
  if (begin === -1) return undefined;
  const [body = "", check, ...more] = line.slice(begin + 1).split("*");
  if (more.length > 0 || (check === undefined && strict)) return undefined;
  if (check !== undefined && check.trim().toUpperCase() !== checksumOf(body)) return undefined;
  const [address = "", ...fields] = body.split(",");
  if (!/^[A-Z0-9]{4,}$/.test(address)) return undefined;
  const proprietary = address.startsWith("P");
  return {
    talker: proprietary ? "P" : address.slice(0, -3),
    type: proprietary ? address.slice(1) : address.slice(-3),
    fields: fields.map((field) => field.trim()),
  };
}

/** What a piece of the stream held. */
export interface Cut {
  readonly sentences: readonly Sentence[];
  /** Lines that are no sentence. */
  readonly broken: number;
}

/** Broken lines in one piece of the stream after which the rest of it is not looked at. */
const brokenLimit = 500;

/** Cuts a stream into lines; keeps less than one. */
export class SentenceReader {
  #kept = "";
  readonly #strict: boolean;
  /** The line is too long: what comes up to its end is thrown away. */
  #overlong = false;

  constructor(strict = true) {
    this.#strict = strict;
  }

  /** Characters of an unfinished line. */
  get pending(): number {
    return this.#kept.length;
  }

  accept(bytes: Uint8Array): Cut {
    const lines = (this.#kept + Buffer.from(bytes).toString("latin1")).split(/[\r\n]+/);
    const rest = lines.pop() ?? "";
    const sentences: Sentence[] = [];
    let broken = 0;
    for (const line of lines) {
      if (broken >= brokenLimit) break;
      const skip = this.#overlong || line.length > lineLimit;
      this.#overlong = false;
      if (line.trim() === "") continue;
      const sentence = skip ? undefined : parseSentence(line, this.#strict);
      // AIS and others begin with `!`: sound, and none of ours.
      if (sentence !== undefined) sentences.push(sentence);
      else if (skip || !line.startsWith("!")) broken += 1;
    }
    this.#overlong ||= rest.length > lineLimit;
    this.#kept = this.#overlong ? "" : rest;
    return { sentences, broken };
  }
}

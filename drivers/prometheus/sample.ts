/** The parts of a sample's line: blanks, labels, numbers. Each is total and stays in the line. */
import type { Labels } from "./conditions.ts";

/** Labels that a series may have. */
const maxLabels = 64;
/** The longest number that is read: more digits than a double prints. */
const maxNumber = 64;

const codes = {
  quote: '"'.charCodeAt(0),
  backslash: "\\".charCodeAt(0),
  equals: "=".charCodeAt(0),
  comma: ",".charCodeAt(0),
  close: "}".charCodeAt(0),
} as const;

/** Where the next character stands that is no blank. */
export function blank(text: string, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x09 && code !== 0x0d) break;
    at += 1;
  }
  return at;
}

/** The labels whose `{` stands at `from`; undefined: they are none. */
export function labelsAt(
  text: string,
  from: number,
  end: number,
): { readonly labels: Labels; readonly end: number } | undefined {
  const labels = new Map<string, string>();
  let at = blank(text, from + 1, end);
  while (at < end && text.charCodeAt(at) !== codes.close) {
    const nameEnd = labelEnd(text, at, end);
    const name = text.slice(at, nameEnd);
    at = blank(text, nameEnd, end);
    if (name === "" || at >= end || text.charCodeAt(at) !== codes.equals) return undefined;
    at = blank(text, at + 1, end);
    if (at >= end || text.charCodeAt(at) !== codes.quote) return undefined;
    const valueEnd = quoteEnd(text, at + 1, end);
    if (valueEnd === end || labels.has(name) || labels.size >= maxLabels) return undefined;
    labels.set(name, plain(text.slice(at + 1, valueEnd)));
    at = blank(text, valueEnd + 1, end);
    const next = text.charCodeAt(at);
    if (at < end && next === codes.comma) at = blank(text, at + 1, end);
    else if (next !== codes.close) return undefined;
  }
  return at < end ? { labels, end: at + 1 } : undefined;
}

/** Where a label's name ends: letters, digits and `_`, no digit first. */
function labelEnd(text: string, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const code = text.charCodeAt(at);
    const lower = code | 0x20;
    const letter = (lower >= 0x61 && lower <= 0x7a) || code === 0x5f;
    if (!letter && !(at > from && code >= 0x30 && code <= 0x39)) break;
    at += 1;
  }
  return at;
}

/** Where the quote stands that ends a value; `end` when there is none. */
function quoteEnd(text: string, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const code = text.charCodeAt(at);
    if (code === codes.quote) return at;
    at += code === codes.backslash ? 2 : 1;
  }
  return end;
}

/** A value without its escapes: `\\`, `\"` and `\n`; what is none stays as it is. */
function plain(value: string): string {
  if (!value.includes("\\")) return value;
  return value.replaceAll(/\\([\\"n])/g, (_, sign: string) => (sign === "n" ? "\n" : sign));
}

/**
 * A number as Go and Python write it, NaN and infinities too; undefined: it is none. Nothing that
 * only JavaScript takes for a number is one: the empty text, hexadecimal.
 */
export function numberOf(text: string, from: number, end: number): number | undefined {
  const length = end - from;
  if (length === 0 || length > maxNumber) return undefined;
  let digits = false;
  for (let at = from; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= 0x30 && code <= 0x39) digits = true;
    else if (!isNumberSign(code)) return specialOf(text.slice(from, end));
  }
  if (!digits) return undefined;
  const value = Number(text.slice(from, end));
  return Number.isNaN(value) ? undefined : value;
}

/** `+`, `-`, `.`, `e`, `E` */
function isNumberSign(code: number): boolean {
  return code === 0x2b || code === 0x2d || code === 0x2e || code === 0x65 || code === 0x45;
}

function specialOf(word: string): number | undefined {
  switch (word.toLowerCase()) {
    case "nan":
      return Number.NaN;
    case "inf":
    case "+inf":
    case "infinity":
    case "+infinity":
      return Number.POSITIVE_INFINITY;
    case "-inf":
    case "-infinity":
      return Number.NEGATIVE_INFINITY;
    default:
      return undefined;
  }
}

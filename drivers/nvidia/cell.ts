/**
 * What nvidia-smi prints where a number should stand. Some words mean that this card or driver has
 * no such value, which is normal; others that something is wrong with the card.
 */
import { numberIn, scaled } from "../cards.ts";

export type Cell =
  | { readonly kind: "value"; readonly text: string }
  | { readonly kind: "absent" }
  | { readonly kind: "fault"; readonly why: string };

const absentWords: ReadonlySet<string> = new Set([
  "",
  "n/a",
  "none",
  "not supported",
  "not available",
  "not found",
  "requested functionality has been deprecated",
]);

/** Everything else that is no value: `Unknown Error`, `GPU requires reset`, `GPU is lost` … */
const faultWords = /error|reset|lost|permission|fallen|unknown|err!|fail/i;

/** Reads one cell: `[N/A]` and `N/A` are the same, as CSV and XML write them. */
export function cellOf(printed: string): Cell {
  const text = printed.trim();
  const words = text.replace(/^\[(.*)\]$/, "$1").trim();
  if (absentWords.has(words.toLowerCase())) return { kind: "absent" };
  if (text.startsWith("[") || (!/\d/.test(text) && faultWords.test(text))) {
    return { kind: "fault", why: words.slice(0, 80) };
  }
  return { kind: "value", text };
}

/** Whether a fault of a cell says that the card must be reset or is gone. */
export function isCritical(why: string): boolean {
  return /requires reset|is lost|fallen off/i.test(why);
}

export type Reader = (text: string) => number | undefined;

/** A number, with its unit where the output has units: `67.03 W`, or `67.03`. */
export function inUnit(unit: string, scale = 1): Reader {
  const signed = inSignedUnit(unit, scale);
  return (text) => (text.startsWith("-") ? undefined : signed(text));
}

/** The same for what may be below zero: temperatures. */
export function inSignedUnit(unit: string, scale = 1): Reader {
  return (text) => {
    const bare = text.endsWith(` ${unit}`) ? text.slice(0, -unit.length - 1) : text;
    const number = numberIn(bare);
    return number === undefined ? undefined : scaled(number, scale);
  };
}

/** A whole number that counts something; never negative. */
export const count: Reader = (text) => (/^\d{1,15}$/.test(text) ? Number(text) : undefined);

/** `P0` … `P15`. */
export const performanceState: Reader = (text) => {
  const digits = /^P(\d{1,2})$/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** `Yes`, `No`, and as numbers in some columns. */
export const yesOrNo: Reader = (text) => {
  if (/^(yes|1)$/i.test(text)) return 1;
  return /^(no|0)$/i.test(text) ? 0 : undefined;
};

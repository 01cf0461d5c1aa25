/**
 * Conditions on labels, as profiles and devices write them: a label and the values it may have. A
 * value may hold `*` for any characters; `!` before it excludes; an empty one is a label that is
 * not there, which Prometheus does not tell from an empty one.
 */
import type { Schema } from "../../config/index.ts";
import { v } from "../../config/index.ts";

export type Labels = ReadonlyMap<string, string>;

/** A label to the values that it may have. */
export type Where = Readonly<Record<string, readonly string[]>>;

export const labelName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "must be the name of a label"),
);

const pattern = v.pipe(v.string(), v.maxLength(256));

export const where: Schema<Where> = v.record(
  labelName,
  v.union(
    [
      v.pipe(v.array(pattern), v.minLength(1, "name a value")),
      v.pipe(
        pattern,
        v.transform((one) => [one]),
      ),
    ],
    "write a value or a list of values",
  ),
);

/** Whether labels satisfy all conditions. */
export type Check = (labels: Labels) => boolean;

export function checkOf(...all: readonly (Where | undefined)[]): Check {
  const tests = all.flatMap((one) => Object.entries(one ?? {}).map(testOf));
  return (labels) => tests.every((test) => test(labels));
}

function testOf([label, patterns]: readonly [string, readonly string[]]): Check {
  const wanted = patterns.filter((one) => !one.startsWith("!")).map(matcherOf);
  const refused = patterns.filter((one) => one.startsWith("!")).map((one) => one.slice(1));
  const refusing = refused.map(matcherOf);
  return (labels) => {
    const value = labels.get(label) ?? "";
    if (refusing.some((matches) => matches(value))) return false;
    return wanted.length === 0 || wanted.some((matches) => matches(value));
  };
}

/** Compares piece by piece: what stands between stars is looked for from left to right. */
function matcherOf(pattern: string): (value: string) => boolean {
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.pop();
  if (tail === undefined) return (value) => value === pattern;
  return (value) => {
    if (!value.startsWith(head)) return false;
    let at = head.length;
    for (const piece of rest) {
      const found = value.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return value.length - tail.length >= at && value.endsWith(tail);
  };
}

/** `{gpu="0",GPU_I_ID=""}`: for people. */
export function whereText(...all: readonly (Where | undefined)[]): string {
  const parts = all.flatMap((one) =>
    Object.entries(one ?? {}).map(
      ([label, values]) => `${label}=${JSON.stringify(values.join("|"))}`,
    ),
  );
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

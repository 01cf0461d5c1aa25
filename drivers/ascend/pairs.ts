/**
 * What `npu-smi info -t …` prints: a key and a value in each line. The controller of a card stands
 * after its chips as one of its own, with the same keys; what is read ends there.
 *
 *   NPU ID                         : 0
 *   Aicore Usage Rate(%)           : 0
 *   Chip Name                      : mcu
 *   Temperature(C)                 : 48
 */
import { numberIn } from "../cards.ts";

/** Values by key; the first of a key counts. */
export type Pairs = ReadonlyMap<string, string>;

const maxPairs = 500;

export function readPairs(output: string): Pairs {
  const pairs = new Map<string, string>();
  for (const line of output.split("\n")) {
    const [, key = "", value = ""] = /^\s*(\S[^:]{0,79}?)\s*:\s*(.{0,200}?)\s*$/.exec(line) ?? [];
    if (/^chip name$/i.test(key) && /^mcu$/i.test(value)) break;
    if (key !== "" && !pairs.has(key) && pairs.size < maxPairs) pairs.set(key, value);
  }
  return pairs;
}

/** What stands for a value that is not there. */
export function isAbsent(text: string): boolean {
  return /^(|-|NA|N\/A|NULL)$/i.test(text);
}

export interface Sum {
  readonly value: number;
  readonly at: string;
  readonly raw: string;
}

/**
 * The sum of the values at these keys, those that are there.
 * @returns "broken" where one is no number
 */
export function sumOf(pairs: Pairs, keys: readonly string[]): Sum | "broken" | undefined {
  const found = keys.flatMap((key) => {
    const text = pairs.get(key);
    return text === undefined || isAbsent(text) ? [] : [{ key, text, value: numberIn(text) }];
  });
  if (found.length === 0) return undefined;
  let sum = 0;
  for (const { value } of found) {
    if (value === undefined) return "broken";
    sum += value;
  }
  const at = found.map(({ key }) => key).join(" + ");
  return { value: sum, at, raw: found.map(({ text }) => text).join(" + ") };
}

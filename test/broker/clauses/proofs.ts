/** Where the clauses of MQTT 3.1.1 are obeyed and proved: the places that bear their marks. */
import { sources } from "../../house/tree.ts";
import type { Clause } from "./table.ts";
import { clauses } from "./table.ts";

export interface Proven extends Clause {
  /** Files whose comments cite it. */
  readonly code: readonly string[];
  /** Test files that have its mark in the name of a test. */
  readonly tests: readonly string[];
}

const mark = /\[(MQTT-\d+(?:\.\d+)+-\d+)\]/g;

/** MQTT 5 has clauses of its own under the same numbers. */
const ours = sources.filter(({ path }) => !/mqtt5|house\/|clauses\/table/.test(path));

/** The marks outside comments of a test are in names. */
const inTests = marksOf(
  ours.filter(({ path }) => path.endsWith(".test.ts")).map(({ path, code }) => [path, code]),
);
const inCode = marksOf(
  ours
    .filter(({ room }) => room !== "test")
    .map(({ path, comments }) => [path, comments.join("\n")]),
);

export const proven: readonly Proven[] = clauses.map((clause) => ({
  ...clause,
  code: inCode.get(clause.id) ?? [],
  tests: inTests.get(clause.id) ?? [],
}));

/** Clauses that somebody cites. */
export const cited: readonly string[] = [...new Set([...inTests.keys(), ...inCode.keys()])];

function marksOf(texts: readonly (readonly [path: string, text: string])[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [path, text] of texts) {
    for (const id of new Set(Array.from(text.matchAll(mark), ([, one = ""]) => one))) {
      found.set(id, [...(found.get(id) ?? []), path]);
    }
  }
  return found;
}

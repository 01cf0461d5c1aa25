/** The questions of a stored rule, and what is judged of the store's answers. */
import type { Query, QueryRow, QuerySeries } from "../store/index.ts";
import type { Tags } from "../telemetry/index.ts";
import { joinColumns } from "./evaluate.ts";
import type { Compiled } from "./groups.ts";
import type { Join, StoredRule } from "./rule.ts";
import { asksOf, valueOfWindow } from "./window.ts";

/** What is judged of one group. */
export interface Answered {
  /** The `by` tags, and those of the device where groups are of one. */
  readonly tags: Tags;
  readonly value: number;
}

/** The tags that say which device a row is of. */
const identity = ["region", "org", "site", "device"] as const;

type Answers = readonly (readonly QuerySeries[])[];

/** The questions of a rule at a time. */
export function queriesOf(compiled: Compiled<StoredRule>, time: number): readonly Query[] {
  const { measurement, fields, where } = compiled.rule;
  const about = { measurement, fields, where, groupBy: groupByOf(compiled) };
  return asksOf(compiled.rule, time).map((ask) => ({ ...about, ...ask }));
}

/** What the answers to `queriesOf` say; groups of which too little is known are left out. */
export function answeredOf(compiled: Compiled<StoredRule>, answers: Answers): readonly Answered[] {
  const { join } = compiled.rule;
  const all = join === "worst" ? judged(compiled, answers) : joined(compiled, join, answers);
  return all.filter(({ value }) => Number.isFinite(value));
}

/**
 * Where groups are of one device, its whole identity is asked for: the topic needs it. Series that
 * are joined come one by one.
 */
function groupByOf({ rule, ofDevice, channel }: Compiled<StoredRule>): readonly string[] {
  const series = channel === undefined ? [] : [channel];
  const device = ofDevice || rule.join !== "worst" ? identity : [];
  return [...new Set([...device, ...rule.by, ...(rule.join === "worst" ? [] : series)])];
}

function judged({ rule, judging }: Compiled<StoredRule>, answers: Answers): Answered[] {
  const valueOf = (row: QueryRow): number => judging.valueOf(numbersIn(row, rule.fields));
  const groups = new Map<string, { tags: Tags; rows: (readonly QueryRow[])[] }>();
  for (const [question, series] of answers.entries()) {
    for (const { tags, rows } of series) {
      const key = keyOf(tags);
      const group = groups.get(key) ?? { tags, rows: answers.map(() => []) };
      group.rows[question] = rows;
      groups.set(key, group);
    }
  }
  return [...groups.values()].map(({ tags, rows }) => ({
    tags,
    value: valueOfWindow(rule.measure, rows, valueOf),
  }));
}

function joined(
  { rule, judging, ofDevice }: Compiled<StoredRule>,
  join: Exclude<Join, "worst">,
  [series = []]: Answers,
): Answered[] {
  const device = ofDevice ? identity : [];
  const named = [...new Set([...device, ...rule.by])];
  const groups = Map.groupBy(series, ({ tags }) => keyOf(pick(tags, named)));
  return [...groups.values()].map((same) => {
    const columns = same.map(({ rows }) => numbersIn(rows.at(-1), rule.fields));
    const tags = pick(same[0]?.tags ?? {}, named);
    return { tags, value: judging.valueOf(joinColumns(join, columns)) };
  });
}

function numbersIn(row: QueryRow | undefined, fields: readonly string[]): readonly number[] {
  return fields.map((field) => {
    const value = row?.values[field];
    return typeof value === "number" ? value : Number.NaN;
  });
}

function pick(tags: Tags, names: readonly string[]): Tags {
  return Object.fromEntries(names.map((name) => [name, tags[name] ?? ""]));
}

function keyOf(tags: Tags): string {
  return JSON.stringify(Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

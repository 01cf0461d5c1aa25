/**
 * A neutral question as Flux. One shape serves queries and summaries: rows of a series are put
 * together (pivot), judged by their quality, spread over groups and windows, and summed up by one
 * `reduce` that counts, adds, and keeps the smallest, greatest, first and last value with their
 * times. Times are whole numbers from there on, so that windows begin at multiples of their
 * length whatever the span; in a tie between series the greater value wins.
 *
 * Columns have names of our own: `w` the window, `g0…` the groups. Each field is a result of its
 * own: `n0…` its numbers, `s0…` its texts.
 */
import type { AskedSpan } from "../asked.ts";
import { queryLimits } from "../asked.ts";
import { fieldFacts } from "../../telemetry/index.ts";

/** Everything since 1970 lies in one window of this length, 2^63 ns. @unit ms */
const longestWindow = 9_223_372_036_854;

/** A text in double quotes; `${` would begin an expression. */
export function quote(text: string): string {
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll('"', String.raw`\"`)
    .replaceAll("\n", String.raw`\n`)
    .replaceAll("${", String.raw`\${`);
  return `"${escaped}"`;
}

/** A column of a row. */
function column(name: string): string {
  return `r[${quote(name)}]`;
}

export interface FluxQuestion extends AskedSpan {
  readonly bucket: string;
  readonly fields: readonly string[];
  readonly groupBy: readonly string[];
  readonly every: number | undefined;
  readonly worstQuality: number | undefined;
  /** Whether the aggregate is one that a text has. */
  readonly texts: boolean;
}

/** The script whose answer `answers.ts` understands. */
export function summingScript(question: FluxQuestion): string {
  const { fields, worstQuality } = question;
  const needed = worstQuality === undefined ? fields : [...new Set([...fields, "q"])];
  const quality =
    worstQuality === undefined
      ? ""
      : `\n  |> filter(fn: (r) => not exists r["q"] or r["q"] <= ${worstQuality})`;
  const results = fields.flatMap((field, at) => resultsOf(question, field, at));
  return [
    'import "types"\n',
    `rows = ${source({ ...question, fields: needed })}${quality}\n`,
    numbersOf,
    textsOf,
    ...results,
  ].join("\n");
}

/** Rows of a span, each with all its fields. */
function source({
  bucket,
  measurement,
  from,
  to,
  where,
  fields,
}: AskedSpan & { bucket: string }): string {
  const named = fields?.map((field) => `r._field == ${quote(field)}`).join(" or ");
  const conditions = [
    `r._measurement == ${quote(measurement)}`,
    ...(named === undefined ? [] : [`(${named})`]),
    ...Object.entries(where).map(([tag, value]) =>
      value === ""
        ? `(not exists ${column(tag)} or ${column(tag)} == "")`
        : `exists ${column(tag)} and ${column(tag)} == ${quote(value)}`,
    ),
  ];
  return [
    `from(bucket: ${quote(bucket)})`,
    `  |> range(start: ${instant(from)}, stop: ${instant(to)})`,
    `  |> filter(fn: (r) => ${conditions.join(" and ")})`,
    '  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")',
  ].join("\n");
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

/** The results of one field: its numbers, its texts, or both where the register allows any. */
function resultsOf(question: FluxQuestion, field: string, at: number): string[] {
  const type = fieldFacts(question.measurement, field)?.type ?? "any";
  const numbers = type === "text" ? [] : [result(question, field, { kind: "n", at })];
  const texts = type === "text" || (type === "any" && question.texts);
  return texts ? [...numbers, result(question, field, { kind: "s", at })] : numbers;
}

function result(
  { groupBy, every }: FluxQuestion,
  field: string,
  { kind, at }: { readonly kind: "n" | "s"; readonly at: number },
): string {
  const value = column(field);
  const isText = `types.isType(v: ${value}, type: "string")`;
  const keys = groupBy.map(
    (tag, i) => `g${i}: if exists ${column(tag)} then ${column(tag)} else ""`,
  );
  const window = every === undefined ? "0" : windowOf(every);
  const read =
    kind === "n"
      ? `if exists ${value} then float(v: ${value}) else 0.0`
      : `if exists ${value} then string(v: ${value}) else ""`;
  const columns = [`w: ${window}`, "t: int(v: r._time) / 1000000", `v: ${read}`, ...keys];
  const groups = ["w", ...groupBy.map((_, i) => `g${i}`)].map(quote).join(", ");
  return [
    "rows",
    `  |> filter(fn: (r) => exists ${value} and ${kind === "n" ? "not " : ""}${isText})`,
    `  |> map(fn: (r) => ({${columns.join(", ")}}))`,
    `  |> group(columns: [${groups}])`,
    `  |> ${kind === "n" ? "numbers" : "texts"}()`,
    "  |> group()",
    `  |> limit(n: ${queryLimits.rows + 1})`,
    `  |> yield(name: "${kind}${at}")\n`,
  ].join("\n");
}

function windowOf(every: number): string {
  return `int(v: r._time) / ${Math.min(every, longestWindow)}000000 * ${every}`;
}

/** What both kinds keep: how many, and the first and last value with their times. */
const ends = [
  "n: a.n + 1",
  "ft: if a.n == 0 or r.t < a.ft then r.t else a.ft",
  "f: if a.n == 0 or r.t < a.ft or (r.t == a.ft and r.v > a.f) then r.v else a.f",
  "lt: if a.n == 0 or r.t > a.lt then r.t else a.lt",
  "l: if a.n == 0 or r.t > a.lt or (r.t == a.lt and r.v > a.l) then r.v else a.l",
];

const numbersOf = reducer("numbers", {
  identity: "{n: 0, ft: 0, f: 0.0, lt: 0, l: 0.0, s: 0.0, lo: 0.0, hi: 0.0}",
  parts: [
    ...ends,
    "s: a.s + r.v",
    "lo: if a.n == 0 or r.v < a.lo then r.v else a.lo",
    "hi: if a.n == 0 or r.v > a.hi then r.v else a.hi",
  ],
});

const textsOf = reducer("texts", { identity: '{n: 0, ft: 0, f: "", lt: 0, l: ""}', parts: ends });

function reducer(
  name: string,
  { identity, parts }: { readonly identity: string; readonly parts: readonly string[] },
): string {
  const named = parts.map((part) => part.replaceAll(/\ba\./g, "accumulator."));
  return [
    `${name} = (tables=<-) => tables`,
    `  |> reduce(identity: ${identity}, fn: (r, accumulator) => ({`,
    named.map((part) => `    ${part}`).join(",\n"),
    "  }))\n",
  ].join("\n");
}

/** The script of one page of rows, in order of time. */
export function pageScript(span: AskedSpan & { bucket: string }, limit: number): string {
  return [
    source(span),
    '  |> drop(columns: ["_start", "_stop", "_measurement"])',
    "  |> group()",
    '  |> sort(columns: ["_time"])',
    `  |> limit(n: ${limit})`,
  ].join("\n");
}

/** The names in a bucket: measurements, or tags or fields of one. */
export function namesScript(
  bucket: string,
  what: "measurements" | "measurementTagKeys" | "measurementFieldKeys",
  measurement?: string,
): string {
  const of = measurement === undefined ? "" : `, measurement: ${quote(measurement)}`;
  return [
    'import "influxdata/influxdb/schema"',
    `schema.${what}(bucket: ${quote(bucket)}${of}, start: ${always[0]}, stop: ${always[1]})`,
  ].join("\n");
}

/** How many series a bucket holds. */
export function cardinalityScript(bucket: string): string {
  return [
    'import "influxdata/influxdb"',
    `influxdb.cardinality(bucket: ${quote(bucket)}, start: ${always[0]}, stop: ${always[1]})`,
  ].join("\n");
}

/** From the first to the last instant that it can hold. */
const always = [instant(0), instant(longestWindow)] as const;

/**
 * Capacity in InfluxQL, as InfluxDB 1.6 and later run it. What the language lacks is written out:
 * there is no greater of two values, so `(a + b + abs(a - b)) / 2` is it; `percentile` takes the
 * nearest value, so the two neighbours are weighted as the hub does. Rows of different
 * measurements cannot be added up: what would need that is named and left out.
 */
import { influxqlName as name, influxqlText as text } from "../../store/index.ts";
import type { Counter, ElementQuestions, Group, Part, Quantity } from "./plan.ts";
import type { Questions, Rows, Value } from "./plan.ts";
import { groupsOf } from "./plan.ts";
import type { Asked, QueryFile, Statement } from "./statement.ts";
import {
  aboutText,
  conditionText,
  devicesOf,
  every,
  fresh,
  hour,
  numberText,
} from "./statement.ts";
import { share, untoldOf, windowsIn } from "./statement.ts";

type Told = Pick<QueryFile, "statements" | "untold">;

const mixed = "InfluxQL cannot add rows of different measurements";

/** Every question that rows of one measurement can answer. */
export function influxqlFile(questions: Questions, asked: Asked): QueryFile {
  const all = [
    ...questions.elements.flatMap((one) => [
      ...one.quantities.filter(({ unit }) => unit !== "A").map((each) => useOf(one, each, asked)),
      phasesOf(one, asked),
    ]),
    ...energyOf(questions, asked),
  ];
  return {
    statements: all.flatMap(({ statements }) => statements),
    untold: [...all.flatMap(({ untold }) => untold), ...untoldOf(questions)],
  };
}

/** p95, peak, mean, share of windows with all meters, and what is left; and what is there now. */
function useOf({ element }: ElementQuestions, quantity: Quantity, asked: Asked): Told {
  const { unit, parts, limit } = quantity;
  const about = aboutText(element, quantity);
  if (isMixed(parts)) return { statements: [], untold: [`${about}: ${mixed}`] };
  const p95 = percentileText("value", asked);
  const columns = [
    `${p95} AS p95`,
    "max(value) AS peak",
    "mean(value) AS mean",
    `count(value) / ${windowsIn(asked)}.0 AS coverage`,
    ...(limit === undefined ? [] : [`${numberText(limit)} - (${p95}) AS "left"`]),
  ];
  const windows = windowsText([["value", parts]]);
  const now = { ...asked, since: fresh * every };
  const statement = `${element.id} ${unit}`;
  return {
    statements: [
      { name: statement, about: `${about}.`, text: selectText(columns, windows, asked) },
      {
        name: `${statement} now`,
        about: `${about}: the last window.`,
        text: selectText(['last(value) AS "now"'], windows, now),
      },
    ],
    untold: [],
  };
}

/** p95 of the currents of all phases, what is left, and how far they are from being equal. */
function phasesOf({ element, quantities }: ElementQuestions, asked: Asked): Told {
  const phases = quantities.filter(({ unit }) => unit === "A");
  const parts = phases.flatMap((one) => one.parts);
  const [first] = phases;
  if (first === undefined) return { statements: [], untold: [] };
  const about = `${element.kind} ${element.id}: amperes of its phases, by ${devicesOf(parts)}`;
  if (isMixed(parts)) return { statements: [], untold: [`${about}: ${mixed}`] };
  const { limit, least } = first;
  const names = phases.map(({ phase }) => (phase ?? "").toLowerCase());
  const windows = windowsText(phases.map((one, at) => [names[at] ?? "", one.parts]));
  const p95 = names.map((one) => `${percentileText(one, asked)} AS ${one}`);
  const inner = selectText(p95, windows, asked);
  const left = names.map((one) => `${numberText(limit ?? 0)} - ${one} AS left_${one}`);
  const shown = limit === undefined ? names : [...names, ...left];
  const statements: Statement[] = [
    {
      name: `${element.id} phases`,
      about: `${about}: p95${limit === undefined ? "" : `, of ${numberText(limit)} A`}.`,
      text: `SELECT ${shown.join(", ")} FROM (\n${inner})`,
    },
  ];
  if (phases.length === 3) {
    statements.push({
      name: `${element.id} unbalance`,
      about: `${about}: the largest distance of a phase from their mean, as a share of it.`,
      text: unbalanceText(names, inner, least),
    });
  }
  return { statements, untold: [] };
}

/** @param least mean below which nothing is told. @unit A */
function unbalanceText(names: readonly string[], inner: string, least: number): string {
  const list = names.join(", ");
  const far = names.map((one) => `abs(${one} - m) AS far_${one}`);
  const [a = "", b = "", c = ""] = names.map((one) => `far_${one}`);
  return [
    `SELECT (most + ${c} + abs(most - ${c})) / 2 / m AS unbalance FROM (`,
    `SELECT m, ${c}, (${a} + ${b} + abs(${a} - ${b})) / 2 AS most FROM (`,
    `SELECT m, ${far.join(", ")} FROM (`,
    `SELECT ${list}, (${names.join(" + ")}) / 3 AS m FROM (`,
    `${inner}))))\nWHERE m >= ${numberText(least)} AND m > 0`,
  ].join("\n");
}

/** Linear between the two nearest of all windows, as the hub's; in gaps within a rank or two. */
function percentileText(column: string, asked: Asked): string {
  const windows = windowsIn(asked);
  const at = share * (windows - 1);
  const low = Math.floor(at);
  // `percentile(x, p)` is the value at place floor(n·p/100 + 0.5), from 1.
  const one = (place: number): string =>
    `percentile(${column}, ${((100 * place) / windows).toFixed(4)})`;
  const weight = numberText(Number((at - low).toFixed(6)));
  const rest = numberText(Number((1 - at + low).toFixed(6)));
  return `${rest} * ${one(low + 1)} + ${weight} * ${one(Math.min(low + 2, windows))}`;
}

interface Windows {
  readonly text: string;
  /** How many rows a whole window has. */
  readonly meters: number;
}

/** Windows with a value of each column: the sum of its parts. */
function windowsText(columns: readonly (readonly [string, readonly Part[]])[]): Windows {
  const sums = columns.map(([column]) => `sum(${column}) AS ${column}`);
  const counts = columns.map(([column]) => `count(${column})`).join(" + ");
  const rows = columns.flatMap(([column, parts]) =>
    groupsOf(parts).map((group) => rowsText(group, `${valueText(group.first.value)} AS ${column}`)),
  );
  const lines = [
    `  SELECT ${[...sums, `${counts} AS meters`].join(", ")} FROM`,
    `    ${rows.join(",\n    ")}`,
    `  GROUP BY time(${seconds(every)}) fill(none)`,
  ];
  return { text: lines.join("\n"), meters: columns.flatMap(([, parts]) => parts).length };
}

function equal(tag: string, value: string): string {
  return `${name(tag)} = ${text(value)}`;
}

/** A column of the windows of each meter of a group. */
function rowsText(group: Group<Rows>, column: string, window = every): string {
  const where = conditionText(group, { equal, and: " AND ", or: "\n        OR " });
  const by = [`time(${seconds(window)})`, ...group.by.map(name)].join(", ");
  // A row without `q` fails any comparison, and counts as good.
  return `(SELECT ${column} FROM ${name(group.first.measurement)}
      WHERE ${where}
      AND (q > 1) = false GROUP BY ${by} fill(none))`;
}

function valueText(value: Value): string {
  if ("mean" in value) return `mean(${name(value.mean)})`;
  if ("positive" in value) {
    const one = valueText(value.positive);
    return `(${one} + abs(${one})) / 2`;
  }
  if ("times" in value) return `${valueText(value.of)} * ${numberText(value.times)}`;
  const [one, other] = value.larger.map(valueText);
  return `(${one} + ${other} + abs(${one} - (${other}))) / 2`;
}

function selectText(columns: readonly string[], windows: Windows, asked: Asked): string {
  return [
    `SELECT ${columns.join(",\n  ")}`,
    `FROM (\n${windows.text})`,
    `WHERE meters = ${windows.meters} AND ${spanText(asked, every)}`,
  ].join("\n");
}

/** The window that is under way counts, so there is one less whole one before it. */
function spanText({ since, until }: Asked, window: number): string {
  if (until === undefined) return `time > now() - ${seconds(since - window)}`;
  const [from, to] = [until - since, until].map((time) => text(new Date(time).toISOString()));
  return `time >= ${from} AND time < ${to}`;
}

function seconds(ms: number): string {
  return `${ms / 1000}s`;
}

function energyOf({ pue }: Questions, asked: Asked): readonly Told[] {
  if (typeof pue === "string") return [];
  return [
    energyOfSide("facility", pue.facility, asked),
    energyOfSide("it", pue.it, asked),
    { statements: [], untold: ["PUE is facility energy over it energy: divide the two"] },
  ];
}

/** What counters rose by between the first and the last hour in which all have a row. */
function energyOfSide(side: string, counters: readonly Counter[], asked: Asked): Told {
  const about = `${side} energy in Wh for the PUE, by ${devicesOf(counters)}`;
  if (isMixed(counters)) return { statements: [], untold: [`${about}: ${mixed}`] };
  const groups = groupsOf(counters);
  const last = groups.map((one) => rowsText(one, `last(${name(one.first.field)}) AS wh`, hour));
  const rises = groups.map((one) =>
    rowsText(one, `difference(last(${name(one.first.field)})) AS wh`, hour),
  );
  const span = spanText(asked, 0);
  const statements: Statement[] = [
    {
      name: `${side} energy`,
      about: `${about}.`,
      text: [
        "SELECT last(wh) - first(wh) AS wh",
        `FROM (\n  SELECT sum(wh) AS wh, count(wh) AS meters FROM\n    ${last.join(",\n    ")}`,
        `  GROUP BY time(${seconds(hour)}) fill(none))`,
        `WHERE meters = ${counters.length} AND ${span}`,
      ].join("\n"),
    },
    {
      name: `${side} least rise`,
      about: `${about}: the least rise from hour to hour. Below 0 a counter has fallen: no PUE.`,
      text: `SELECT min(wh) AS least FROM\n    ${rises.join(",\n    ")}\nWHERE ${span}`,
    },
  ];
  return { statements, untold: [] };
}

function isMixed(rows: readonly Rows[]): boolean {
  return new Set(rows.map(({ measurement }) => measurement)).size > 1;
}

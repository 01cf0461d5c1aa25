/**
 * Capacity in SQL: of InfluxDB 3 (DataFusion), and of `rackstreet store sql` (SQLite), where time
 * is a whole number of ms.
 * The 95th percentile is written out, linear between the two nearest as the hub's: InfluxDB 3
 * has only an approximate one, SQLite none.
 */
import { sqlName as name, sqlText as text } from "../../store/index.ts";
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

/** How an engine spells time. */
interface Times {
  /** A row's window, as a whole number since 1970. @param window @unit ms */
  readonly window: (window: number) => string;
  /** The same of the time at which the query runs. */
  readonly current: (window: number) => string;
  readonly instant: (ms: number) => string;
  /** So long ago. */
  readonly ago: (ms: number) => string;
}

const datafusion: Times = {
  window: (window) => `CAST(time AS BIGINT) / ${window}000000`,
  current: (window) => `CAST(now() AS BIGINT) / ${window}000000`,
  instant: (ms) => `TIMESTAMP ${text(new Date(ms).toISOString())}`,
  ago: (ms) => `now() - INTERVAL '${ms / 1000} seconds'`,
};

const sqlite: Times = {
  window: (window) => `time / ${window}`,
  current: (window) => `unixepoch() / ${window / 1000}`,
  instant: (ms) => `${ms} /* ${new Date(ms).toISOString()} */`,
  ago: (ms) => `unixepoch() * 1000 - ${ms}`,
};

export type SqlEngine = "influxdb3" | "sqlite";

const engines: Readonly<Record<SqlEngine, Times>> = { influxdb3: datafusion, sqlite };

/** Every question about a site. */
export function sqlFile(questions: Questions, asked: Asked, engine: SqlEngine): QueryFile {
  const asking = { asked, times: engines[engine] };
  const { pue } = questions;
  const told = questions.elements.filter(({ quantities }) => quantities.length > 0);
  return {
    statements: [
      ...told.flatMap((one) => useStatements(one, asking)),
      ...(typeof pue === "string" ? [] : [pueStatement(pue, asking)]),
    ],
    untold: untoldOf(questions),
  };
}

interface Asking {
  readonly asked: Asked;
  readonly times: Times;
}

/** Of W, VA and phases one each: a column or table that nobody ever wrote fails a statement. */
function useStatements(one: ElementQuestions, asking: Asking): readonly Statement[] {
  const groups = Map.groupBy(one.quantities, ({ unit }) => unit);
  return [...groups].map(([unit, quantities]) => ({
    name: `${one.element.id} ${unit === "A" ? "phases" : unit}`,
    about: `${quantities.map((each) => aboutText(one.element, each)).join(";\n")}.`,
    text: useText(one.element.id, quantities, asking),
  }));
}

function useText(id: string, quantities: readonly Quantity[], asking: Asking): string {
  const rows = quantities.flatMap((one) =>
    groupsOf(one.parts).map((group) => meterText(one, group, asking)),
  );
  const limit = quantities[0]?.limit;
  const columns = [
    `${text(id)} AS element, quantity, now, p95, peak, mean, coverage`,
    ...(limit === undefined ? [] : [`${numberText(limit)} - p95 AS "left"`]),
    ...unbalanceText(quantities),
  ];
  const windows = windowsIn(asking.asked);
  const at = `${share} * (n - 1)`;
  const last = lastWindow(asking, every);
  return `WITH meters AS (
  ${rows.join("\n  UNION ALL ")}
), windows AS (
  SELECT w, quantity, sum(value) AS value FROM meters WHERE w > ${last} - ${windows}
  GROUP BY w, quantity HAVING count(*) = max(parts)
), ranked AS (
  SELECT w, quantity, value, count(*) OVER (PARTITION BY quantity) AS n,
    row_number() OVER (PARTITION BY quantity ORDER BY value) - 1 AS place,
    row_number() OVER (PARTITION BY quantity ORDER BY w DESC) AS back
  FROM windows
), used AS (
  SELECT quantity, max(value) AS peak, avg(value) AS mean, count(*) / ${windows}.0 AS coverage,
    sum(CASE WHEN abs(place - ${at}) < 1 THEN value * (1 - abs(place - ${at})) END) AS p95,
    max(CASE WHEN back = 1 AND w > ${last} - ${fresh} THEN value END) AS now
  FROM ranked GROUP BY quantity
)
SELECT ${columns.join(", ")}
FROM used ORDER BY quantity`;
}

function nameOf({ unit, phase }: Quantity): string {
  return phase ?? unit;
}

/** The largest distance of a phase from the mean of all three, as a share of it. */
function unbalanceText(quantities: readonly Quantity[]): readonly string[] {
  const phases = quantities.filter(({ unit }) => unit === "A");
  const [first] = phases;
  if (first === undefined || phases.length < 3) return [];
  const only = `quantity IN (${phases.map((one) => text(nameOf(one))).join(", ")})`;
  const column = `
  CASE WHEN ${only} THEN (
    SELECT max(abs(p95 - m)) / max(m)
    FROM used, (SELECT avg(p95) AS m FROM used WHERE ${only}) AS phases
    WHERE ${only} AND m > 0 AND m >= ${numberText(first.least)}
  ) END AS unbalance`;
  return [column];
}

function meterText(quantity: Quantity, group: Group<Part>, asking: Asking): string {
  const { value } = group.first;
  const columns = [
    `${asking.times.window(every)} AS w`,
    `${text(nameOf(quantity))} AS quantity`,
    `${quantity.parts.length} AS parts`,
    `${valueText(value)} AS value`,
  ];
  const there = meansOf(value).map((field) => `count(${name(field)}) > 0`);
  return `${rowsText(group, columns, asking)} HAVING ${there.join(" AND ")}`;
}

function equal(tag: string, value: string): string {
  return `${name(tag)} = ${text(value)}`;
}

/** Columns of the windows, the first of them, of each meter of a group. */
function rowsText(group: Group<Rows>, columns: readonly string[], asking: Asking): string {
  const where = conditionText(group, { equal, and: " AND ", or: "\n      OR " });
  return `SELECT ${columns.join(", ")}
    FROM ${name(group.first.measurement)}
    WHERE ${where}
      AND (q IS NULL OR q <= 1) AND ${spanText(asking)}
    GROUP BY ${["1", ...group.by.map(name)].join(", ")}`;
}

function meansOf(value: Value): readonly string[] {
  if ("mean" in value) return [value.mean];
  if ("positive" in value) return meansOf(value.positive);
  if ("times" in value) return meansOf(value.of);
  return value.larger.flatMap(meansOf);
}

function valueText(value: Value): string {
  if ("mean" in value) return `avg(${name(value.mean)})`;
  if ("times" in value) return `${valueText(value.of)} * ${numberText(value.times)}`;
  const [one, other] =
    "positive" in value ? [valueText(value.positive), "0"] : value.larger.map(valueText);
  return `CASE WHEN ${one} > ${other} THEN ${one} ELSE ${other} END`;
}

function spanText({ asked: { since, until }, times }: Asking): string {
  if (until === undefined) return `time >= ${times.ago(since)}`;
  return `time >= ${times.instant(until - since)} AND time < ${times.instant(until)}`;
}

/** The last window of the span, which may be under way. */
function lastWindow({ asked: { until }, times }: Asking, window: number): string {
  return until === undefined ? times.current(window) : String(Math.ceil(until / window) - 1);
}

function pueStatement(
  { facility, it, category }: Exclude<Questions["pue"], string>,
  asking: Asking,
): Statement {
  const all = [...facility, ...it];
  const rows = [
    ...groupsOf(facility).map((one, at) => counterText(one, { side: "facility", at }, asking)),
    ...groupsOf(it).map((one, at) => counterText(one, { side: "it", at }, asking)),
  ];
  return {
    name: "PUE",
    about:
      `Interim PUE, category ${category}: energy by ${devicesOf(facility)}\n` +
      `over that by ${devicesOf(it)}. Where a counter fell there is none.`,
    text: `WITH hours AS (
  ${rows.join("\n  UNION ALL ")}
), steps AS (
  SELECT w, side, wh, count(*) OVER (PARTITION BY w) AS meters,
    CASE WHEN least < lag(wh) OVER (PARTITION BY side, meter ORDER BY w) THEN 1 ELSE 0 END AS fell
  FROM hours
), shared AS (
  SELECT min(w) AS a, max(w) AS b FROM steps WHERE meters = ${all.length}
), energy AS (
  SELECT max(fell) AS fell, ${["facility", "it"].map(riseText).join(", ")}
  FROM steps, shared
)
SELECT facility_wh, it_wh, fell,
  CASE WHEN fell = 0 AND it_wh > 0 AND facility_wh >= it_wh THEN facility_wh / it_wh END AS pue
FROM energy`,
  };
}

function riseText(side: string): string {
  const of = `side = ${text(side)}`;
  const wh = "CAST(wh AS DOUBLE)";
  return `
    sum(CASE WHEN w = b AND ${of} THEN ${wh} WHEN w = a AND ${of} THEN -${wh} END) AS ${side}_wh`;
}

/** The greatest reading of an hour is its last, as long as nothing falls. */
function counterText(
  group: Group<Counter>,
  { side, at }: { readonly side: string; readonly at: number },
  asking: Asking,
): string {
  const field = name(group.first.field);
  const meter = group.by.map(name).join(" || '/' || ");
  const columns = [
    `${asking.times.window(hour)} AS w`,
    `${text(side)} AS side`,
    `${text(`${at}/`)} || ${meter} AS meter`,
    `max(${field}) AS wh`,
    `min(${field}) AS least`,
  ];
  return `${rowsText(group, columns, asking)} HAVING count(${field}) > 0`;
}

/**
 * Capacity in Flux, of InfluxDB 1.8 and 2. Windows are whole numbers `w` since 1970, so that they
 * are the hub's whatever the span; `exact_mean` is linear between the two nearest, as the hub's.
 */
import { fluxText as text } from "../../store/index.ts";
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

/** Every question about a site. */
export function fluxFile(questions: Questions, asked: Asked, bucket: string): QueryFile {
  const { elements, pue } = questions;
  return {
    prelude: preludeText(asked, bucket),
    statements: [
      ...elements.flatMap((one) => one.quantities.map((each) => useStatement(one, each))),
      ...elements.flatMap(unbalanceStatements),
      ...(typeof pue === "string" ? [] : pueStatements(pue)),
    ],
    untold: untoldOf(questions),
  };
}

/** What every statement uses; a statement may be sent alone behind it. */
function preludeText(asked: Asked, bucket: string): string {
  const { since, until } = asked;
  const windows = windowsIn(asked);
  const [start, stop, newest] =
    until === undefined
      ? [`-${since / 1000}s`, "now()", `int(v: now()) / ${every}000000`]
      : [instant(until - since), instant(until), String(until / every - 1)];
  return `bucket = ${text(bucket)}
start = ${start}
stop = ${stop}
// The last window, which may be under way; windows count 5 min since 1970.
newest = ${newest}

// Of series that were put together: windows in which all parts have a value, and their sum.
sums = (tables=<-, parts) => tables
  |> filter(fn: (r) => r.w > newest - ${windows})
  |> group(columns: ["w"])
  |> reduce(identity: {value: 0.0, parts: 0}, fn: (r, accumulator) =>
    ({value: accumulator.value + r.value, parts: accumulator.parts + 1}))
  |> filter(fn: (r) => r.parts == parts)
  |> group()
p95 = (tables=<-) => tables |> quantile(column: "value", q: ${share}, method: "exact_mean")
used = (tables=<-) => tables
  |> sort(columns: ["w"])
  |> reduce(identity: {n: 0.0, total: 0.0, peak: 0.0, w: 0, value: 0.0}, fn: (r, accumulator) => ({
    n: accumulator.n + 1.0,
    total: accumulator.total + r.value,
    peak: if r.value > accumulator.peak then r.value else accumulator.peak,
    w: r.w,
    value: r.value
  }))
  |> map(fn: (r) => ({
    late: newest - r.w,
    now: r.value,
    peak: r.peak,
    mean: r.total / r.n,
    coverage: r.n / ${windows}.0
  }))`;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

function useStatement({ element }: ElementQuestions, quantity: Quantity): Statement {
  const { unit, phase, limit, parts } = quantity;
  const name = `${element.id} ${phase ?? unit}`;
  const left = limit === undefined ? "" : `, left: ${floatText(limit)} - r.value`;
  return {
    name,
    about: `${aboutText(element, quantity)}. now counts where late is below ${fresh}.`,
    text: `${namesText(name, "sums")} = ${unionText(parts)}
  |> sums(parts: ${parts.length})
${namesText(name, "sums")}
  |> p95()
  |> map(fn: (r) => ({p95: r.value${left}}))
  |> yield(name: ${text(`${name} p95`)})
${namesText(name, "sums")}
  |> used()
  |> yield(name: ${text(name)})`,
  };
}

/** A name that a statement gives; elements may be called what Flux cannot call anything. */
function namesText(name: string, what: string): string {
  return `${what}_${name.replaceAll(/[^a-zA-Z0-9]/g, "_")}`;
}

function unionText(parts: readonly Part[]): string {
  const all = groupsOf(parts).map(metersText);
  return unionOf(all);
}

/** One table or more; `union` takes no single one. */
function unionOf(tables: readonly string[]): string {
  return tables.length === 1 ? tables.join("") : `union(tables: [\n${tables.join(",\n")}\n])`;
}

/** Means of the windows of each meter of a group: `w` and `value`. */
function metersText(group: Group<Part>): string {
  const { value } = group.first;
  const fields = meansOf(value);
  const columns = [
    `w: int(v: r._time) / ${every}000000`,
    byText(group),
    ...fields.map((field, at) => `m${at}: float(v: r[${text(field)}])`),
  ];
  const zeros = fields.map((_, at) => `m${at}: 0.0`);
  const sums = fields.map((_, at) => `m${at}: accumulator.m${at} + r.m${at}`);
  return `${rowsText(group, fields)}
  |> map(fn: (r) => ({${columns.join(", ")}}))
  |> group(columns: ["w", ${group.by.map(text).join(", ")}])
  |> reduce(identity: {n: 0.0, ${zeros.join(", ")}}, fn: (r, accumulator) =>
    ({n: accumulator.n + 1.0, ${sums.join(", ")}}))
  |> map(fn: (r) => ({w: r.w, value: ${valueText(value, fields)}}))`;
}

/** Tags that tell meters apart, as columns. */
function byText({ by }: Group<Rows>): string {
  return by.map((tag) => `${tag}: r[${text(tag)}]`).join(", ");
}

function equal(tag: string, value: string): string {
  return `r[${text(tag)}] == ${text(value)}`;
}

/** Good rows that have all the fields. */
function rowsText(group: Group<Rows>, fields: readonly string[]): string {
  const where = conditionText(group, { equal, and: " and ", or: "\n    or " });
  const named = [...fields, "q"].map((field) => `r._field == ${text(field)}`).join(" or ");
  const there = fields.map((field) => `exists r[${text(field)}]`).join(" and ");
  return `from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == ${text(group.first.measurement)} and ${where})
  |> filter(fn: (r) => ${named})
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => ${there} and (not exists r["q"] or r["q"] <= 1))`;
}

function meansOf(value: Value): readonly string[] {
  if ("mean" in value) return [value.mean];
  if ("positive" in value) return meansOf(value.positive);
  if ("times" in value) return meansOf(value.of);
  return [...new Set(value.larger.flatMap(meansOf))];
}

function valueText(value: Value, fields: readonly string[]): string {
  if ("mean" in value) return `r.m${fields.indexOf(value.mean)} / r.n`;
  if ("times" in value) return `(${valueText(value.of, fields)}) * ${floatText(value.times)}`;
  const [one = "", other = ""] =
    "positive" in value
      ? [valueText(value.positive, fields), "0.0"]
      : value.larger.map((each) => valueText(each, fields));
  return `if ${one} > (${other}) then ${one} else (${other})`;
}

/** Flux tells whole numbers from others. */
function floatText(value: number): string {
  const shown = numberText(value);
  return /[.e]/.test(shown) ? shown : `${shown}.0`;
}

/** Of elements with three phases: the largest distance of a phase from their mean. */
function unbalanceStatements({ element, quantities }: ElementQuestions): readonly Statement[] {
  const phases = quantities.filter(({ unit }) => unit === "A");
  const [first] = phases;
  if (first === undefined || phases.length < 3) return [];
  const name = `${element.id} unbalance`;
  const each = phases.map(
    ({ phase = "" }) => `${namesText(`${element.id} ${phase}`, "sums")} |> p95()`,
  );
  return [
    {
      name,
      about: `${element.kind} ${element.id}: the largest distance of a phase from their mean.`,
      text: `union(tables: [
  ${each.join(",\n  ")}
])
  |> group()
  |> reduce(identity: {n: 0.0, total: 0.0, high: 0.0, low: 0.0}, fn: (r, accumulator) => ({
    n: accumulator.n + 1.0,
    total: accumulator.total + r.value,
    high: if r.value > accumulator.high then r.value else accumulator.high,
    low: if accumulator.n == 0.0 or r.value < accumulator.low then r.value else accumulator.low
  }))
  |> filter(fn: (r) => r.n == ${phases.length}.0 and r.total > 0.0)
  |> map(fn: (r) => ({
    mean: r.total / r.n,
    high: r.high - r.total / r.n,
    low: r.total / r.n - r.low
  }))
  |> filter(fn: (r) => r.mean >= ${floatText(first.least)})
  |> map(fn: (r) => ({unbalance: (if r.high > r.low then r.high else r.low) / r.mean}))
  |> yield(name: ${text(name)})`,
    },
  ];
}

function pueStatements({
  facility,
  it,
  category,
}: Exclude<Questions["pue"], string>): readonly Statement[] {
  const all = [
    ...groupsOf(facility).map((one) => countersText(one, "facility: r.wh, it: 0.0")),
    ...groupsOf(it).map((one) => countersText(one, "facility: 0.0, it: r.wh")),
  ];
  const rises = groupsOf([...facility, ...it]).map((one) => risesText(one));
  return [
    {
      name: "PUE",
      about:
        `Interim PUE, category ${category}: energy by ${devicesOf(facility)}\n` +
        `over that by ${devicesOf(it)}.`,
      text: `${unionOf(all)}
  |> group(columns: ["w"])
  |> reduce(identity: {facility: 0.0, it: 0.0, meters: 0}, fn: (r, accumulator) => ({
    facility: accumulator.facility + r.facility,
    it: accumulator.it + r.it,
    meters: accumulator.meters + 1
  }))
  |> filter(fn: (r) => r.meters == ${facility.length + it.length})
  |> group()
  |> sort(columns: ["w"])
  |> reduce(identity: {n: 0, f0: 0.0, i0: 0.0, f: 0.0, i: 0.0}, fn: (r, accumulator) => ({
    n: accumulator.n + 1,
    f0: if accumulator.n == 0 then r.facility else accumulator.f0,
    i0: if accumulator.n == 0 then r.it else accumulator.i0,
    f: r.facility,
    i: r.it
  }))
  |> filter(fn: (r) => r.i > r.i0)
  |> map(fn: (r) => ({
    facility_wh: r.f - r.f0,
    it_wh: r.i - r.i0,
    pue: (r.f - r.f0) / (r.i - r.i0)
  }))
  |> yield(name: "PUE")`,
    },
    {
      name: "least rise",
      about: "The least rise of any counter from hour to hour. Below 0 one has fallen: no PUE.",
      text: `${unionOf(rises)}
  |> group()
  |> min(column: "wh")
  |> keep(columns: ["wh"])
  |> yield(name: "least rise")`,
    },
  ];
}

/** The last reading of each hour of each counter. */
function hoursText(group: Group<Counter>): string {
  return `${rowsText(group, [group.first.field])}
  |> map(fn: (r) => ({
    w: int(v: r._time) / ${hour}000000,
    t: int(v: r._time),
    ${byText(group)},
    wh: float(v: r[${text(group.first.field)}])
  }))
  |> group(columns: ["w", ${group.by.map(text).join(", ")}])
  |> sort(columns: ["t"])
  |> last(column: "wh")`;
}

function countersText(group: Group<Counter>, columns: string): string {
  return `${hoursText(group)}
  |> map(fn: (r) => ({w: r.w, ${columns}}))`;
}

function risesText(group: Group<Counter>): string {
  return `${hoursText(group)}
  |> group(columns: [${group.by.map(text).join(", ")}])
  |> sort(columns: ["w"])
  |> difference(columns: ["wh"])`;
}

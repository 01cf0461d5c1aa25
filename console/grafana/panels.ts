/**
 * Panels of the register's fields: unit, states and sentence come from there. A window of a panel
 * is Grafana's `$__interval`; rows of quality 2 and worse are left out.
 */
import { fieldFacts, GatewayError, isCounter, measurementEntry } from "../../telemetry/index.ts";
import type { Drawn, FieldDefaults, Mapping, Step, Target } from "./dashboard.ts";
import { chosen } from "./dashboard.ts";

/** Grafana's names for units; others are shown as the register writes them. */
const units: Readonly<Record<string, string>> = {
  W: "watt",
  VA: "voltamp",
  V: "volt",
  A: "amp",
  Wh: "watth",
  Hz: "hertz",
  "°C": "celsius",
  "%": "percent",
  s: "s",
  ms: "ms",
  B: "bytes",
  ppm: "ppm",
  dB: "dB",
  dBm: "dBm",
  lx: "lux",
  m: "lengthm",
  mm: "lengthmm",
  "km/h": "velocitykmh",
  "m/s": "velocityms",
};

/** What a panel draws of a field. */
export interface Asked {
  readonly measurement: string;
  readonly field: string;
  /** Of the rows of a window; counters are drawn as what they rise in a second. Default: mean. */
  readonly aggregate?: "mean" | "max" | "min" | "last";
  /** Tags, one line for each combination. */
  readonly by: readonly string[];
  /** Adds the lines of devices and channels up, of each combination of `by`. */
  readonly added?: readonly string[];
}

export interface Look {
  /** Left out: the register's sentence on the field. */
  readonly title?: string;
  readonly width?: number;
  readonly height?: number;
  readonly steps?: readonly Step[];
  /** Tags chosen besides region, org and site. */
  readonly chosen?: readonly string[];
}

/** Lines over time; a field with states as bars in their colours. */
export function panel(asked: Asked, look: Look = {}): Drawn {
  const { measurement, field, by } = asked;
  const facts = fieldFacts(measurement, field);
  const entry = measurementEntry(measurement);
  if (facts?.entry === undefined || entry === undefined) {
    throw new GatewayError("E_BUG", `${measurement} has no field ${field}`);
  }
  const { about, states } = facts.entry;
  const title = look.title ?? about.replace(/\.$/, "");
  const target: Target = {
    refId: "A",
    query: queryText(asked, look.chosen ?? []),
    rawQuery: true,
    resultFormat: "time_series",
    ...(by.length === 0 ? { alias: title } : { alias: by.map((tag) => `$tag_${tag}`).join(" ") }),
  };
  return {
    type: states === undefined ? "timeseries" : "state-timeline",
    title,
    description: `${measurement}.${field}: ${about} ${entry.about}`,
    datasource: chosen,
    targets: [target],
    width: look.width ?? 12,
    height: look.height ?? 8,
    fieldConfig: {
      defaults: {
        unit: unitOf(field, facts.unit?.shown ?? ""),
        ...(states === undefined ? linesOf(look.steps) : { mappings: mappingsOf(states) }),
      },
      overrides: [],
    },
    options:
      states === undefined
        ? { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } }
        : { mergeValues: true, showValue: "auto", rowHeight: 0.9 },
  };
}

function unitOf(field: string, shown: string): string {
  if (isCounter(field)) return shown === "" ? "cps" : `suffix: ${shown}/s`;
  if (field.endsWith("_ratio")) return "percentunit";
  if (shown === "") return "short";
  return units[shown] ?? `suffix: ${shown}`;
}

function linesOf(steps: readonly Step[] | undefined): Partial<FieldDefaults> {
  const custom = { lineWidth: 1, fillOpacity: 5, spanNulls: false };
  if (steps === undefined) return { custom };
  return {
    custom: { ...custom, thresholdsStyle: { mode: "area" } },
    thresholds: { mode: "absolute", steps },
  };
}

function mappingsOf(states: Readonly<Record<number, string>>): readonly Mapping[] {
  const options = Object.fromEntries(
    Object.entries(states).map(([value, text], index) => [value, { text, index }]),
  );
  return [{ type: "value", options }];
}

function queryText(asked: Asked, narrowed: readonly string[]): string {
  const { measurement, field, by, added } = asked;
  const place = ["region", "org", "site", ...narrowed].map((tag) => `"${tag}" =~ /^$${tag}$/`);
  const where = ["$timeFilter", ...place, '("q" > 1) = false'].join(" AND ");
  const value = valueText(asked);
  if (added === undefined) {
    const from = `FROM "${measurement}" WHERE ${where}`;
    return `SELECT ${value} AS "${field}" ${from} ${groupText(by, "null")}`;
  }
  const parts = groupText([...by, ...added], "none");
  return (
    `SELECT sum("one") AS "${field}" FROM ` +
    `(SELECT ${value} AS "one" FROM "${measurement}" WHERE ${where} ${parts}) ` +
    `WHERE $timeFilter ${groupText(by, "null")}`
  );
}

function groupText(tags: readonly string[], fill: string): string {
  return `GROUP BY time($__interval)${tags.map((tag) => `, "${tag}"`).join("")} fill(${fill})`;
}

function valueText({ field, aggregate }: Asked): string {
  if (isCounter(field)) return `non_negative_derivative(max("${field}"), 1s)`;
  const states = /_(state|code)$/.test(field);
  return `${aggregate ?? (states ? "last" : "mean")}("${field}")`;
}

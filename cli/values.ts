/** How values look to a person: with units, prefixes for large ones, states by name. */
import type { FieldValue, Point } from "../telemetry/index.ts";
import { fieldFacts, units } from "../telemetry/index.ts";

/** Units that take a prefix from 10,000 on. */
const prefixed: ReadonlySet<string> = new Set([
  "W",
  "VA",
  "var",
  "Wh",
  "varh",
  "VAh",
  "Hz",
  "Pa",
  "B",
]);
const prefixes = ["", "k", "M", "G", "T", "P"] as const;

/** `4.37 kW`, `21.5 °C`, `on`. */
export function shownValue(measurement: string, field: string, value: FieldValue): string {
  if (typeof value === "string") return value;
  const facts = fieldFacts(measurement, field);
  const state = facts?.entry?.states?.[value];
  if (state !== undefined) return state;
  const unit = facts?.unit?.shown ?? "";
  let scaled = value;
  let step = 0;
  while (prefixed.has(unit) && Math.abs(scaled) >= 10_000 && step < prefixes.length - 1) {
    scaled /= 1000;
    step += 1;
  }
  const digits = Number.isInteger(scaled) ? 0 : Math.abs(scaled) >= 100 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${prefixes[step] ?? ""}${unit}`.trimEnd();
}

/** `5s`, `1m`, `1500ms`: as a configuration would say it. */
export function shownDuration(ms: number): string {
  if (ms >= 60_000 && ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** Name of a point's channel, or "". */
export function channelOf(point: Point): string {
  return Object.values(point.tags ?? {})[0] ?? "";
}

/** The fields people look at first, then the rest; quality is not a value. */
const telling = [
  "active_power_w",
  "output_power_w",
  "power_w",
  "supply_air_c",
  "temp_c",
  "load_pct",
  "free_count",
  "occupied_count",
  "level_m",
  "cpu_pct",
  "mem_used_pct",
  "return_air_c",
  "voltage_v",
  "current_a",
];

/** The most telling values of a reading in one line, at most `count`. */
export function headline(points: readonly Point[], count: number): string {
  const shown: { readonly rank: number; readonly text: string }[] = [];
  for (const point of points) {
    const channel = channelOf(point);
    for (const [field, value] of Object.entries(point.fields)) {
      if (field === "q") continue;
      const rank = telling.indexOf(field);
      const name = withoutUnit(field);
      const where = channel === "" ? "" : `${channel} `;
      const text = `${where}${name} ${shownValue(point.measurement, field, value)}`;
      // What is of the whole device stands before what is of a part of it.
      const part = channel === "" ? 0 : 1;
      shown.push({ rank: 2 * (rank === -1 ? telling.length : rank) + part, text });
    }
  }
  const sorted = shown.toSorted((a, b) => a.rank - b.rank);
  const more = sorted.length > count ? ` +${sorted.length - count}` : "";
  return (
    sorted
      .slice(0, count)
      .map(({ text }) => text)
      .join(" · ") + more
  );
}

/** `energy_wh_total` → `energy`: the unit stands behind the value already. */
function withoutUnit(field: string): string {
  const words = field.split("_");
  const from = words.findIndex(
    (_, at) => at > 0 && Object.hasOwn(units, words.slice(at).join("_")),
  );
  return from === -1 ? field : words.slice(0, from).join("_");
}

/** `3 s`, `4 min`, `2 h`, `5 d`. */
export function shownAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

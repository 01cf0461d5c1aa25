/**
 * What roll-ups must be, worked out from all rows at once: every good reading of a series in order
 * of time, cut into windows. Too plain to be wrong.
 */
import type { Line, RollupWindow } from "../../../telemetry/index.ts";
import {
  fieldFacts,
  numberingFields,
  rollupName,
  rollupWindows,
} from "../../../telemetry/index.ts";
import { seriesOf } from "./plain.ts";

/** Rows by `measurement@time series`, without their tags. */
export type Rolled = ReadonlyMap<string, Line["fields"]>;

export function rolledOf(lines: readonly Line[]): Rolled {
  const key = (line: Line): string => `${line.measurement}@${line.time} ${seriesOf(line.tags)}`;
  return new Map(
    [...lines]
      .map((line) => [key(line), sorted(line.fields)] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

interface Reading {
  readonly time: number;
  readonly value: number;
}

/** The roll-ups of rows, each given once. */
export function reference(rows: readonly Line[], windows: readonly RollupWindow[]): Rolled {
  const made = new Map<string, Line>();
  for (const own of Map.groupBy(rows, (r) => `${r.measurement} ${seriesOf(r.tags)}`).values()) {
    const good = own
      .filter(({ fields }) => Number(fields["q"] ?? 0) <= 1)
      .toSorted((a, b) => a.time - b.time);
    const names = new Set(good.flatMap(({ fields }) => Object.keys(fields)));
    for (const field of names) {
      if (field === "q" || numberingFields.has(field)) continue;
      const readings = good.flatMap(({ time, fields }): Reading[] => {
        const value = fields[field];
        return typeof value === "number" ? [{ time, value }] : [];
      });
      const [one] = own;
      if (one === undefined) continue;
      for (const window of windows) addField(made, { of: one, field, window }, readings);
    }
  }
  return rolledOf([...made.values()]);
}

function addField(
  made: Map<string, Line>,
  { of, field, window }: { of: Line; field: string; window: RollupWindow },
  readings: readonly Reading[],
): void {
  const length = rollupWindows[window];
  const restarts = fieldFacts(of.measurement, field)?.entry?.restarts === true;
  const rises = readings.map(({ value }, i) => {
    const before = readings[i - 1]?.value ?? value;
    return value >= before ? value - before : restarts ? value : 0;
  });
  const starts = readings.map(({ time }) => Math.floor(time / length) * length);
  for (const time of new Set(starts)) {
    const inside = readings.filter((_, i) => starts[i] === time).map(({ value }) => value);
    const rose = rises.filter((_, i) => starts[i] === time).reduce((a, b) => a + b, 0);
    const measurement = rollupName(of.measurement, window);
    const key = `${measurement} ${time} ${seriesOf(of.tags)}`;
    const line = made.get(key) ?? { measurement, tags: of.tags, fields: { q: 0 }, time };
    made.set(key, { ...line, fields: { ...line.fields, ...aggregates(field, inside, rose) } });
  }
}

function aggregates(field: string, values: readonly number[], rose: number): Line["fields"] {
  const sum = values.reduce((a, b) => a + b, 0);
  const all = {
    [`${field}_count`]: values.length,
    [`min_${field}`]: Math.min(...values),
    [`max_${field}`]: Math.max(...values),
    [`last_${field}`]: values.at(-1) ?? 0,
  };
  if (field.endsWith("_total")) return { ...all, [`delta_${field}`]: rose };
  if (/_(db|dbm|deg)$/.test(field)) return all;
  return { ...all, [`sum_${field}`]: sum, [`mean_${field}`]: sum / values.length };
}

function sorted(fields: Line["fields"]): Line["fields"] {
  return Object.fromEntries(Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

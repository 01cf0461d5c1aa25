/**
 * The words of roll-ups: measurement M over 1 m, 5 m and 1 h is `M_1m`, `M_5m`, `M_1h`, with the
 * same tags and the start of the window as its time. The unit stays at the end of a field's name,
 * so the aggregate stands in front: `mean_active_power_w`; only the number of rows stands behind,
 * because `count` is a unit itself: `active_power_w_count`.
 *
 * Counters have no sum and no mean, which mean nothing, but how much they rose: `delta_`. Decibels
 * and degrees have no sum and no mean either: that of 350° and 10° is not 180°.
 */

/** The windows there are, shortest first; each is a whole number of the one before. @unit ms */
export const rollupWindows = { "1m": 60_000, "5m": 300_000, "1h": 3_600_000 } as const;
export type RollupWindow = keyof typeof rollupWindows;
export const rollupNames = ["1m", "5m", "1h"] as const satisfies readonly RollupWindow[];

export type RollupAggregate = "count" | "sum" | "mean" | "min" | "max" | "last" | "delta";

/** Most fields of one measurement that are rolled up: 6 × 80 and `q` stay below 500 columns. */
export const maxRolledFields = 80;

const gauge: readonly RollupAggregate[] = ["count", "sum", "mean", "min", "max", "last"];
const counter: readonly RollupAggregate[] = ["count", "min", "max", "last", "delta"];
const neither: readonly RollupAggregate[] = ["count", "min", "max", "last"];

/** Whether a field only ever rises: a counter. */
export function isCounter(field: string): boolean {
  return field.endsWith("_total");
}

/** What is kept of a numeric field. */
export function rollupAggregates(field: string): readonly RollupAggregate[] {
  if (isCounter(field)) return counter;
  return /_(db|dbm|deg)$/.test(field) ? neither : gauge;
}

/** `M`, `1h` → `M_1h`. */
export function rollupName(measurement: string, window: RollupWindow): string {
  return `${measurement}_${window}`;
}

/** `mean`, `active_power_w` → `mean_active_power_w`. */
export function rolledName(aggregate: RollupAggregate, field: string): string {
  return aggregate === "count" ? `${field}_count` : `${aggregate}_${field}`;
}

export interface RolledField {
  readonly aggregate: RollupAggregate;
  /** The field that was rolled up. */
  readonly field: string;
}

/**
 * What a roll-up's field may be, the likelier first: `min_x_count` is the least `x_count`, or how
 * many rows stand behind `min_x`; which of the two is a field decides.
 */
export function rolledCandidates(name: string): readonly RolledField[] {
  const found: RolledField[] = [];
  const at = name.indexOf("_");
  const front = name.slice(0, at);
  for (const aggregate of ["sum", "mean", "min", "max", "last", "delta"] as const) {
    if (front === aggregate) found.push({ aggregate, field: name.slice(at + 1) });
  }
  if (name.endsWith("_count")) found.push({ aggregate: "count", field: name.slice(0, -6) });
  return found.filter(({ aggregate, field }) => rollupAggregates(field).includes(aggregate));
}

/** The hub's own `meta`, as an agent writes it of its devices. */
import type { Point } from "../telemetry/index.ts";
import { describeField } from "../telemetry/index.ts";

/** @param interval between two reports. @unit ms */
export function hubMeta({ measurement, fields }: Point, interval: number): string {
  const names = Object.keys(fields).filter((field) => field !== "q");
  const described = names.map((field) => [field, describeField(measurement, field)]);
  return JSON.stringify({
    v: 1,
    tags: {},
    driver: "hub",
    interval_ms: interval,
    measurements: { [measurement]: { fields: Object.fromEntries(described) } },
  });
}

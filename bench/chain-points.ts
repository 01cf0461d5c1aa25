/**
 * The points of the chain benches, the same for every side: batches as agents send them, numbered
 * from 0. A wide point is a line of ten fields and `q`, a narrow one of one field and `q`; a batch
 * holds 30 points (one poll of a metered PDU); 40 devices, so 1,200 series.
 */
import type { Place, Point, UnnumberedBatch } from "../telemetry/index.ts";

export const shapes = {
  wide: [
    "active_power_w",
    "apparent_power_va",
    "reactive_power_var",
    "power_factor_ratio",
    "voltage_v",
    "current_a",
    "voltage_ll_v",
    "thd_v_pct",
    "thd_i_pct",
    "energy_wh_total",
  ],
  narrow: ["voltage_v"],
} as const;

export type Shape = keyof typeof shapes;

export function isShape(text: string | undefined): text is Shape {
  return text !== undefined && Object.hasOwn(shapes, text);
}

/** Points a batch has. */
export const pointsABatch = 30;
export const devices = 40;

/** Lines of one write: what ingest and the peer gather. */
export const linesAWrite = 5000;

const start = Date.UTC(2026, 0, 1);

/** Each batch has a time of its own, so that none overwrites another. @unit ms */
export function timeOf(n: number): number {
  return start + n;
}

export const place: Place = { rack: "r1" };

/** The n-th batch. */
export function batchOf(shape: Shape, n: number): UnnumberedBatch {
  const device = `pdu-${n % devices}`;
  return {
    kind: "telemetry",
    address: { region: "local", org: "main", site: "bench", class: "power", device },
    place,
    time: timeOf(n),
    points: Array.from({ length: pointsABatch }, (_, i) => pointOf(shape, n * pointsABatch + i)),
    faults: [],
  };
}

function pointOf(shape: Shape, n: number): Point {
  const fields: Record<string, number> = {};
  shapes[shape].forEach((name, i) => {
    // Different values with one or two decimals, as meters give them.
    const value = (n * 7919 + i * 104_729) % 100_003;
    fields[name] = name === "energy_wh_total" ? 10_000_000 + n : value / (i % 2 === 0 ? 10 : 100);
  });
  fields["q"] = 0;
  return { measurement: "rack_phase", tags: { phase: `L${n % pointsABatch}` }, fields };
}

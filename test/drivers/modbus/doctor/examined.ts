/** Examines a simulated line under virtual time. */
import type { Evidence, Examination } from "../../../../drivers/modbus/doctor/index.ts";
import { collect } from "../../../../drivers/modbus/doctor/index.ts";
import type { VirtualClock } from "../../../virtual.ts";
import { never } from "../world.ts";
import type { Line } from "./faults.ts";

/** Runs an examination to its end. */
export async function run(examination: Examination, clock: VirtualClock): Promise<Evidence> {
  const state = { done: false };
  const collected = collect(examination, { clock, signal: never }).finally(() => {
    state.done = true;
  });
  while (!state.done) await clock.advance(200);
  return collected;
}

export function examined(line: Line, deep: boolean): Promise<Evidence> {
  const { clock, settings, units, timeout, open } = line;
  const examination = {
    wire: "serial" as const,
    settings,
    timeout,
    units: units.map((unit) => ({ unit })),
    listen: 3000,
    deep,
    latencyTimer: undefined,
    progress: () => {},
    open: (given: typeof settings | undefined) => Promise.resolve(open(given ?? settings)),
  };
  return run(examination, clock);
}

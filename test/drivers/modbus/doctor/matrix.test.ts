/**
 * Every fault of a serial line, planted in 20 lines each: the right cause comes first, and a line in
 * order is called healthy.
 */
import { describe, expect, it } from "vitest";
import type { Diagnosis, Evidence } from "../../../../drivers/modbus/doctor/index.ts";
import { collect, diagnose } from "../../../../drivers/modbus/doctor/index.ts";
import { never } from "../world.ts";
import type { Line, SerialFault } from "./faults.ts";
import { lineWith, serialFaults } from "./faults.ts";

const seeds = Number(process.env["DOCTOR_SEEDS"] ?? 20);

export async function examined(line: Line, deep: boolean): Promise<Evidence> {
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
  let done = false;
  const collected = collect(examination, { clock, signal: never }).finally(() => (done = true));
  while (!done) await clock.advance(200);
  return collected;
}

/** What comes first of a diagnosis. */
function first({ healthy, findings }: Diagnosis): string {
  return healthy ? "healthy" : (findings[0]?.cause ?? "nothing");
}

/** Settings are only told apart by trying others. */
const deepFaults: ReadonlySet<SerialFault> = new Set(["baud", "parity"]);

describe("the cause that is planted comes first", () => {
  it.each(serialFaults)("%s", async (fault) => {
    const found: Record<string, number[]> = {};
    for (let seed = 1; seed <= seeds; seed += 1) {
      const evidence = await examined(lineWith(fault, seed), deepFaults.has(fault));
      const diagnosis = diagnose(evidence);
      const name = first(diagnosis);
      (found[name] ??= []).push(seed);
      if (name !== fault && process.env["DOCTOR_TELL"] !== undefined) {
        console.log(fault, seed, JSON.stringify(diagnosis.findings, null, 1));
        console.log(JSON.stringify(diagnosis.units));
      }
    }
    expect(Object.keys(found), JSON.stringify(found)).toEqual([fault]);
  });
});

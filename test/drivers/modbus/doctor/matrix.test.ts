/**
 * Every fault of a serial line, planted in lines drawn from seeds: the right cause comes first, and
 * a line in order is called healthy. A few lines each in the usual run; more, or others:
 *
 *   DOCTOR_SEEDS=20 DOCTOR_FROM=101 DOCTOR_TELL=1 npx vitest run test/drivers/modbus/doctor
 */
import { describe, expect, it } from "vitest";
import type { Diagnosis } from "../../../../drivers/modbus/doctor/index.ts";
import { diagnose } from "../../../../drivers/modbus/doctor/index.ts";
import { examined } from "./examined.ts";
import type { SerialFault } from "./faults.ts";
import { lineWith, serialFaults } from "./faults.ts";

const seeds = Number(process.env["DOCTOR_SEEDS"] ?? 10);
const from = Number(process.env["DOCTOR_FROM"] ?? 1);

/** A minute of virtual time is many events. @unit ms */
const patience = 600_000;

/** What comes first of a diagnosis. */
function first({ healthy, findings }: Diagnosis): string {
  return healthy ? "healthy" : (findings[0]?.cause ?? "nothing");
}

/** Settings are only told apart by trying others. */
const deepFaults: ReadonlySet<SerialFault> = new Set(["baud", "parity", "stranger"]);

/** One device with another speed than the rest is that: a wrong speed. */
const causeOf = (fault: SerialFault): string => (fault === "stranger" ? "baud" : fault);

/** Units of a line: two or three when left out. */
const units = process.env["DOCTOR_UNITS"];

describe("the cause that is planted comes first", () => {
  it.each(serialFaults)("%s", { timeout: patience }, async (fault) => {
    const found: Record<string, number[]> = {};
    for (let seed = from; seed < from + seeds; seed += 1) {
      const evidence = await examined(
        lineWith(fault, seed, units === undefined ? undefined : Number(units)),
        deepFaults.has(fault),
      );
      const diagnosis = diagnose(evidence);
      const name = first(diagnosis);
      (found[name] ??= []).push(seed);
      if (name !== causeOf(fault) && process.env["DOCTOR_TELL"] !== undefined) {
        console.log(fault, seed, JSON.stringify(diagnosis.findings, null, 1));
        console.log(JSON.stringify(diagnosis.units));
      }
    }
    expect(Object.keys(found), JSON.stringify(found)).toEqual([causeOf(fault)]);
  });
});

/**
 * Bench: answers that come late, twice, damaged, split, merged, from another unit, behind an echo
 * or not at all, on an in-memory line under virtual time: as a UART hands bytes over, as a slow
 * USB adapter does, and over TCP, 100,000 each. The ratio is values that were taken for another
 * place's or an older time's ÷ answers: none may be.
 */
import type { Tally, WireKind } from "../test/faults/modbus/fuzzed-line.ts";
import { FuzzedLine } from "../test/faults/modbus/fuzzed-line.ts";

const replies = 100_000;
const seed = 20_261_125;

export async function run(): Promise<unknown> {
  const tallies: Partial<Record<WireKind, Tally>> = {};
  for (const kind of ["uart", "usb", "rtu+tcp"] as const) {
    tallies[kind] = await new FuzzedLine(seed, kind).run(replies);
  }
  const sum = (of: "wrong" | "replies"): number =>
    Object.values(tallies).reduce((total, tally) => total + tally[of], 0);
  return {
    bench: "rtu-fuzz",
    ours: sum("wrong"),
    peer: sum("replies"),
    ratio: sum("wrong") / sum("replies"),
    unit: "mis-attributed answers of those sent",
    goal: 0,
    time: "virtual",
    seed,
    ...tallies,
  };
}

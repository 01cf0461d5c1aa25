/** What the tests of the spool share: a spool on a disk in memory, batches, what is pending. */
import type { Spooled, SpoolOptions } from "../../agent/index.ts";
import { Spool } from "../../agent/index.ts";
import type { UnnumberedBatch } from "../../telemetry/index.ts";
import { MemoryDisk, SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";

export const options: SpoolOptions = {
  agent: "edge",
  size: 64 * 1024,
  segment: 8 * 1024,
  commit: 100,
};
export const everything = (): boolean => true;

export function batchOf(value: number, kind: "telemetry" | "event" = "telemetry"): UnnumberedBatch {
  return {
    kind,
    address: { region: "local", org: "main", site: "s", class: "power", device: "m" },
    place: { rack: "r1" },
    time: 1_700_000_000_000 + value,
    points: [{ measurement: "energy_meter", fields: { active_power_w: value, q: 0 } }],
    faults: [],
  };
}

export function rig(disk = new MemoryDisk(), given: Partial<SpoolOptions> = {}) {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(3);
  const open = (): Promise<Spool> =>
    Spool.open({ ...options, ...given }, disk, { clock, entropy, log: silentLog });
  /** Appends and lets the commit happen. */
  const append = async (
    spool: Spool,
    batches: readonly UnnumberedBatch[],
  ): Promise<(Spooled | undefined)[]> => {
    const outcomes = Promise.all(batches.map((batch) => spool.append(batch)));
    await clock.advance(200);
    return outcomes;
  };
  return { clock, disk, open, append };
}

export function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

export async function pendingOf(spool: Spool): Promise<number[]> {
  const { batches } = await spool.read(undefined, Number.POSITIVE_INFINITY, everything);
  return batches.map(({ seq }) => seq);
}

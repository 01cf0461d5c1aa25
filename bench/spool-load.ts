/** What the parts of `bench/spool.ts` share: readings of three-phase meters, a real spool. */
import { join } from "node:path";
import type { SpoolOptions } from "../agent/index.ts";
import { Spool } from "../agent/index.ts";
import { openFolder } from "../cli/folder.ts";
import { clock, entropy } from "../cli/platform.ts";
import type { Platform, Point, UnnumberedBatch } from "../telemetry/index.ts";

const ignore = (): void => undefined;
export const platform: Platform = {
  clock,
  entropy,
  log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
};

export const meters = 40;
const defaults: SpoolOptions = {
  agent: "bench",
  size: 1024 ** 3,
  segment: 4 * 1024 ** 2,
  commit: 100,
};

/** The spool in a folder, with the defaults of the configuration. */
export async function openSpool(folder: string, given?: Partial<SpoolOptions>): Promise<Spool> {
  return Spool.open({ ...defaults, ...given }, await openFolder(join(folder, "spool")), platform);
}

const start = Date.UTC(2026, 0, 1);

/** The reading `number` of a site of forty meters, one of each every 5 s: 450 B on the wire. */
export function batchOf(number: number): UnnumberedBatch {
  const round = Math.floor(number / meters);
  return {
    kind: "telemetry",
    address: {
      region: "local",
      org: "main",
      site: "hall-1",
      class: "power",
      device: `meter-${number % meters}`,
    },
    place: { rack: `r${number % meters}` },
    time: start + round * 5000 + (number % meters),
    points: ["L1", "L2", "L3"].map((phase, index) => pointOf(phase, number * 3 + index)),
    faults: [],
  };
}

function pointOf(phase: string, at: number): Point {
  return {
    measurement: "rack_phase",
    tags: { phase },
    fields: {
      voltage_v: 230 + (at % 50) / 10,
      current_a: (at % 1600) / 100,
      active_power_w: (at % 36_800) / 10,
      power_factor_ratio: (at % 100) / 100,
      q: 0,
    },
  };
}

/** A pause in which everything else on the event loop has its turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Batches that may wait for a commit while a bench appends: the spool refuses from 4,000 on. */
const most = 3500;

/** Appends `count` batches as fast as they become durable; returns how many did. */
export async function appendAll(
  spool: Spool,
  count: number,
  durable: (spooled: NonNullable<Awaited<ReturnType<Spool["append"]>>>) => void = ignore,
): Promise<number> {
  let waiting = 0;
  let done = 0;
  for (let number = 0; number < count || waiting > 0;) {
    for (let i = 0; i < 200 && waiting < most && number < count; i += 1) {
      waiting += 1;
      void spool.append(batchOf(number)).then((spooled) => {
        waiting -= 1;
        if (spooled === undefined) return;
        done += 1;
        durable(spooled);
      });
      number += 1;
    }
    await turn();
  }
  return done;
}

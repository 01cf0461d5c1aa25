/** Many voyages over several threads; the results of one seed are the same on any of them. */
import { Worker } from "node:worker_threads";
import type { VoyageResult } from "./voyage.ts";

export interface FleetOptions {
  readonly from: number;
  readonly seeds: number;
  /** Threads. */
  readonly jobs: number;
  readonly arrived: (result: VoyageResult) => void;
}

/** Seeds that a thread takes at once. */
const convoy = 20;

export async function sailFleet({ from, seeds, jobs, arrived }: FleetOptions): Promise<void> {
  let next = from;
  const end = from + seeds;
  const take = (): number[] => {
    const length = Math.min(convoy, end - next);
    const taken = Array.from({ length }, (_, index) => next + index);
    next += length;
    return taken;
  };
  const threads = Math.max(1, Math.min(jobs, Math.ceil(seeds / convoy)));
  await Promise.all(Array.from({ length: threads }, () => sailThread(take, arrived)));
}

async function sailThread(
  take: () => number[],
  arrived: (result: VoyageResult) => void,
): Promise<void> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url));
  try {
    for (let seeds = take(); seeds.length > 0; seeds = take()) {
      await new Promise<void>((resolve, reject) => {
        worker.removeAllListeners();
        worker.on("error", reject);
        worker.on("message", (message: VoyageResult | "done") => {
          if (message === "done") resolve();
          else arrived(message);
        });
        worker.postMessage(seeds);
      });
    }
  } finally {
    await worker.terminate();
  }
}

/**
 * One measurement of `bench/spool.ts` in a process of its own, so that its memory is its own:
 * `spool-child.ts PART FOLDER`; prints one JSON object.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Publisher } from "../agent/publisher.ts";
import { appendAll, batchOf, meters, openSpool, platform } from "./spool-load.ts";

const mib = 1024 ** 2;
/** One reading of each meter every 5 s. */
const dayBatches = (meters * 86_400) / 5;

/** What JavaScript holds after a collection. @unit bytes */
function held(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** ns → ms, two digits. */
function ms(ns: number): number {
  return Math.round(ns / 1e4) / 100;
}

/** Runs a part: how long it took, how long it held the event loop, how memory grew, in MiB. */
async function measured<T>(part: () => Promise<T>) {
  const loop = monitorEventLoopDelay({ resolution: 1 });
  const [heldBefore, rssBefore] = [held(), process.memoryUsage.rss()];
  let peak = rssBefore;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 10);
  loop.enable();
  const start = performance.now();
  const value = await part();
  const took = performance.now() - start;
  loop.disable();
  clearInterval(watch);
  return {
    value,
    facts: {
      ms: Math.round(took),
      loopP99: ms(loop.percentile(99)),
      loopMax: ms(loop.max),
      rssGrowth: Math.round((peak - rssBefore) / mib),
      heldGrowth: Math.round((held() - heldBefore) / mib),
    },
  };
}

/** A link that is down. */
function send(): Promise<void> {
  return Promise.reject(new Error("no link"));
}

/** Writes until the spool holds `bytes`, then dies as kill -9 does. */
async function fill(folder: string): Promise<void> {
  const spool = await openSpool(folder, { size: 2 * 1024 ** 3 });
  while (spool.bytes < 1024 ** 3) await appendAll(spool, 50_000);
  process.kill(process.pid, "SIGKILL");
}

async function open(folder: string): Promise<unknown> {
  const { value, facts } = await measured(() => openSpool(folder, { size: 2 * 1024 ** 3 }));
  return { ...facts, batches: value.ledger.queued, bytes: value.bytes };
}

/** A day without a link, as the agent lives it: spool and publisher, a commit for each round. */
async function day(folder: string): Promise<unknown> {
  const spool = await openSpool(folder, { commit: 0 });
  const publisher = new Publisher(spool, { window: 64, resend: 15_000 }, { send, platform });
  const { facts } = await measured(async () => {
    for (let number = 0; number < dayBatches; number += meters) {
      const round = Array.from({ length: meters }, (_, meter) => batchOf(number + meter));
      for (const spooled of await Promise.all(round.map((batch) => spool.append(batch)))) {
        if (spooled !== undefined) publisher.offer(spooled);
      }
    }
  });
  const { queued, shed } = spool.ledger;
  await publisher.close();
  await spool.close();
  return { ...facts, queued, shed: shed.full + shed.disk, bytes: spool.bytes };
}

/** Reads everything that waits, as backfill does. */
async function drain(folder: string): Promise<unknown> {
  const spool = await openSpool(folder);
  const read = await measured(async () => {
    let batches = 0;
    let cursor: Awaited<ReturnType<typeof spool.read>>["cursor"];
    do {
      const chunk = await spool.read(cursor, 512 * 1024, () => true);
      batches += chunk.batches.length;
      ({ cursor } = chunk);
    } while (cursor !== undefined);
    return batches;
  });
  await spool.close();
  return { ...read.facts, batches: read.value };
}

const parts = { fill, open, day, drain };
const [name = "", folder = ""] = process.argv.slice(2);
const part = Object.entries(parts).find(([known]) => known === name)?.[1];
if (part === undefined) throw new Error(`no part ${name}`);
process.stdout.write(`${JSON.stringify(await part(folder))}\n`);

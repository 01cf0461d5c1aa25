/**
 * `npm run -s voyage -- --seeds N [--from S] [--jobs J]`: sails voyages over all cores. A seed that
 * fails prints its command and is kept in `seeds.txt`.
 * `npm run -s voyage -- --outage 72h [--meters 40] [--seed N] [--spool 4GiB]`: one long outage.
 * Both end with one line of JSON.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { agentOptions } from "../../agent/index.ts";
import { duration, size, v } from "../../config/index.ts";
import { sailFleet } from "./fleet.ts";
import { sailOutage } from "./outage.ts";
import { reportOf } from "./report.ts";
import type { VoyageResult } from "./voyage.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    jobs: { type: "string", default: String(availableParallelism()) },
    outage: { type: "string" },
    meters: { type: "string", default: "40" },
    seed: { type: "string", default: "1" },
    spool: { type: "string" },
  },
});

const keptFile = new URL("./seeds.txt", import.meta.url);
const failing: number[] = [];
const sum = { lost: 0, doubled: 0, crashes: 0, spooled: 0, stored: 0, shed: 0, broker: 0 };
let sailed = 0;
const seeds = countOf("seeds");

if (values.outage === undefined) await voyages();
else await outage(v.parse(duration, values.outage));

async function voyages(): Promise<void> {
  const started = performance.now();
  await sailFleet({ from: countOf("from"), seeds, jobs: countOf("jobs"), arrived });
  const ms = Math.round((performance.now() - started) / seeds);
  print({ seeds, failed: failing.length, ...sum, failing, ms });
}

async function outage(ms: number): Promise<void> {
  const spool = values.spool === undefined ? undefined : v.parse(size, values.spool);
  const result = await sailOutage({
    outage: ms,
    meters: countOf("meters"),
    seed: countOf("seed"),
    spool,
    progress: (what) => process.stderr.write(`${what}\n`),
  });
  const report = reportOf(result, spool ?? v.parse(agentOptions, {}).spool.size);
  print({ outage: values.outage, failed: report.failing.length, ...report });
}

function print(line: { readonly failed: number; readonly [more: string]: unknown }): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
  process.exitCode = line.failed > 0 ? 1 : 0;
}

function countOf(name: "seeds" | "from" | "jobs" | "meters" | "seed"): number {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  process.stderr.write(`voyage: --${name} takes a whole number from 1 on\n`);
  process.exit(64);
}

function arrived({ seed, broken, ledger, ...result }: VoyageResult): void {
  sailed += 1;
  sum.lost += result.lost;
  sum.doubled += result.doubled;
  sum.crashes += result.crashes;
  sum.spooled += result.spooled;
  sum.stored += ledger?.stored ?? 0;
  sum.shed += result.shed;
  sum.broker += result.broker ? 1 : 0;
  if (sailed % 1000 === 0) process.stderr.write(`${sailed} of ${seeds}\n`);
  if (broken.length === 0) return;
  failing.push(seed);
  process.stderr.write(`seed ${seed}: ${broken.slice(0, 5).join("; ")}\n`);
  process.stderr.write(`  npm run -s voyage -- --from ${seed} --seeds 1\n`);
  keep(seed, broken[0] ?? "");
}

function keep(seed: number, reason: string): void {
  const kept = readFileSync(keptFile, "utf8");
  if (new RegExp(`^${seed}\\b`, "m").test(kept)) return;
  appendFileSync(keptFile, `${String(seed).padEnd(5)} ${reason}\n`);
}

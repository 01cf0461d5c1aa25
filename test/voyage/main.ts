/**
 * `npm run -s voyage -- --seeds N [--from S] [--jobs J]`: sails voyages over all cores, ends with
 * one line of JSON. A seed that fails prints its command and is kept in `seeds.txt`.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { sailFleet } from "./fleet.ts";
import type { VoyageResult } from "./voyage.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    jobs: { type: "string", default: String(availableParallelism()) },
  },
});

const keptFile = new URL("./seeds.txt", import.meta.url);

const seeds = countOf("seeds", values.seeds);
const from = countOf("from", values.from);
const jobs = countOf("jobs", values.jobs);
const failing: number[] = [];
const sum = { lost: 0, doubled: 0, crashes: 0, spooled: 0, stored: 0, shed: 0, broker: 0 };
let sailed = 0;
const started = performance.now();
await sailFleet({ from, seeds, jobs, arrived });
const ms = Math.round((performance.now() - started) / seeds);
const line = { seeds, failed: failing.length, ...sum, failing, ms };
process.stdout.write(`${JSON.stringify(line)}\n`);
process.exitCode = failing.length > 0 ? 1 : 0;

function countOf(name: string, value: string): number {
  const number = Number(value);
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

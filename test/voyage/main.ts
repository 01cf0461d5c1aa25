/** `npm run -s voyage -- --seeds N [--from S]`: sails voyages, ends with one line of JSON. */
import { parseArgs } from "node:util";
import { sail } from "./voyage.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
  },
});
const seeds = Number(values.seeds);
const from = Number(values.from);
if (!Number.isSafeInteger(seeds) || !Number.isSafeInteger(from) || seeds < 1) {
  process.stderr.write("voyage: --seeds and --from take whole numbers\n");
  process.exit(64);
}
const failed: number[] = [];
let crashes = 0;
let spooled = 0;
for (let seed = from; seed < from + seeds; seed += 1) {
  const result = await sail(seed);
  crashes += result.crashes;
  spooled += result.spooled;
  if (result.broken.length > 0) {
    failed.push(seed);
    process.stderr.write(`seed ${seed}: ${result.broken.join("; ")}\n`);
    process.stderr.write(`  npm run -s voyage -- --from ${seed} --seeds 1\n`);
  }
  if ((seed - from + 1) % 1000 === 0) process.stderr.write(`${seed - from + 1} of ${seeds}\n`);
}
process.stdout.write(
  `${JSON.stringify({ voyage: "delivery", seeds, failed, crashes, spooled })}\n`,
);
process.exitCode = failed.length > 0 ? 1 : 0;

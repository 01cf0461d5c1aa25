/**
 * `npm run -s chaos -- --minutes 3 --seed N`: wreaks chaos, ends with one line of JSON. Odd seeds
 * have a broker in the hub, even ones mosquitto as the broker that is there already.
 */
import { parseArgs } from "node:util";
import { chaos } from "./chaos.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "3" },
    seed: { type: "string", default: "1" },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write("chaos: --minutes takes a number above 0, --seed a whole number\n");
  process.exit(64);
}
const { broken, ...result } = await chaos({
  seed,
  length: minutes * 60_000,
  outside: seed % 2 === 0,
  say: (text) => process.stderr.write(`${text}\n`),
});
for (const sentence of broken) process.stderr.write(`BROKEN ${sentence}\n`);
process.stdout.write(`${JSON.stringify({ chaos: "site", ...result, broken: broken.length })}\n`);
process.exit(broken.length > 0 ? 1 : 0);

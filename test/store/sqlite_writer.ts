/**
 * A child process of `sqlite.test.ts`: writes 500 lines at a time, each line once, and says the
 * number of batches acknowledged so far. Ends with `refused CODE` when a write fails. With a last
 * argument `seal` it seals all the time.
 */
import { openSqlite } from "../../store/sqlite/engine.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Line } from "../../telemetry/index.ts";
import { realPlatform, wideBounds } from "./rig.ts";

const [, , path = "", round = "", seal] = process.argv;
const tuning = seal === "seal" ? { headBytes: 300_000, sealAfter: 0 } : {};
const store = await openSqlite({ path, ...wideBounds }, realPlatform(), { tuning });
const signal = new AbortController().signal;
const maxBatches = 20_000;

for (let batch = 1; batch <= maxBatches; batch += 1) {
  const lines = Array.from({ length: 500 }, (_, i): Line => {
    const time = Date.UTC(2026, 0, 1) + batch * 1000 + i;
    const fields = { active_power_w: batch, voltage_v: i / 3 };
    return { measurement: "rack_power", tags: { device: `w${round}` }, fields, time };
  });
  try {
    await store.write(lines, signal);
  } catch (error) {
    const code = error instanceof GatewayError ? error.code : "?";
    process.stdout.write(`refused ${code} ${String(error)}\n`);
    break;
  }
  process.stdout.write(`${batch}\n`);
}
await store[Symbol.asyncDispose]();

/**
 * Bench: deliveries per second of the hub's CPU at QoS 1 (the load of `broker.ts`) with users,
 * rights and a quota that is never reached, against the same hub without users. CPU time, since
 * that is what neighbours on the machine disturb least; rounds alternate, medians count.
 */
import { isRecord } from "../telemetry/index.ts";
import { cpuOf, loadNow, median, pin, rounded, startHere } from "./processes.ts";

const rounds = 5;
const seconds = 2;

const guarded = {
  users: {
    edge: { password: "pw-edge", role: "agent", site: "local/main/bench" },
    city: { password: "pw-city", role: "reader", read: ["rackstreet/v1/local/main/#"] },
  },
  tenants: { "local/main": { rate: { messages: 10_000_000 } } },
};

export async function run(): Promise<unknown> {
  const on: number[] = [];
  const off: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    on.push(await measure(guarded, ["login"]));
    off.push(await measure({}, []));
  }
  const [ours, peer] = [median(on), median(off)];
  const ratio = rounded(ours / peer);
  const unit = "deliveries per CPU second of the hub";
  return { bench: "access-cost", ours, peer, ratio, unit, goal: 0.9, on, off, load: loadNow() };
}

async function measure(section: object, words: readonly string[]): Promise<number> {
  using hub = startHere("tenants-hub.ts", [JSON.stringify(section)]);
  const port = await hub.line();
  using load = startHere("broker-load.ts", [port, `${seconds}`, ...words]);
  pin(0, hub.pid);
  pin(1, load.pid);
  await load.line();
  const before = cpuOf(hub.pid);
  const result: unknown = JSON.parse(await load.line());
  const spent = cpuOf(hub.pid) - before;
  if (!isRecord(result)) throw new Error("nothing was measured");
  return Math.round(Number(result["deliveries"]) / spent);
}

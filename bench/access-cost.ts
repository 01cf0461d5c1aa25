/**
 * Bench: deliveries per second of the hub's CPU at QoS 1 (the load of `broker.ts`) with users,
 * rights and a quota that is never reached, against the same hub without users. CPU time, since
 * that is what neighbours on the machine disturb least; rounds alternate, medians count.
 */
import { fanIn, measure } from "./broker-rounds.ts";
import { loadNow, median, rounded, startHere } from "./processes.ts";

const rounds = 5;

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
    on.push(await cost(guarded, true));
    off.push(await cost({}, false));
  }
  const [ours, peer] = [median(on), median(off)];
  const ratio = rounded(ours / peer);
  const unit = "deliveries per CPU second of the hub";
  return { bench: "access-cost", ours, peer, ratio, unit, goal: 0.9, on, off, load: loadNow() };
}

async function cost(section: object, login: boolean): Promise<number> {
  const hub = startHere("tenants-hub.ts", [JSON.stringify(section)]);
  const { cpu } = await measure(
    { ...hub, port: Number(await hub.line()) },
    { ...fanIn, qos: 1, login },
  );
  return Math.round(100_000 / cpu);
}

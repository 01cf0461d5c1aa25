/**
 * Two hubs over one Redis against one hub over it: deliveries per second at QoS 1, 200 B, from 20
 * publishers, half of them at each hub, to two subscribers that hear all, one at each. Load, Redis
 * and both hubs share this machine: `scale` is what its cores do not limit, deliveries per CPU
 * second of the busier hub, two hubs to one. Rounds alternate, medians count.
 *
 * Then one of two hubs is killed under load: `acknowledged` publishes of its clients before that,
 * and how many of them a subscriber at the other never hears (`lost`), as a PUBACK is transport.
 * What agents spool is another matter: test/peers/redis_killed.test.ts.
 */
import { connectAsync } from "mqtt";
import { sleep } from "../telemetry/index.ts";
import { clock } from "../cli/platform.ts";
import { startRedis } from "../test/peers/redisd.ts";
import { fanIn, figuresOf, startLoad } from "./broker-rounds.ts";
import type { Program } from "./processes.ts";
import { cpuOf, loadNow, median, rounded, startHere } from "./processes.ts";

const rounds = 5;
const seconds = 3;
/** Publishes before the hub is killed. */
const before = 5000;
/** Of them on their way at once. */
const window = 20;
const topic = "rackstreet/v1/local/main/bench/power/pdu-1/event";

interface Round {
  readonly rate: number;
  /** Deliveries per CPU second of the busier hub. */
  readonly perCpu: number;
}

/** Runs the bench. @throws E_TOOL_MISSING */
export async function run(): Promise<unknown> {
  const alone: Round[] = [];
  const one: Round[] = [];
  const two: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await using redis = await startRedis();
    const shared = { redis: { url: redis.url } };
    alone.push(await measure([{}]));
    one.push(await measure([shared]));
    two.push(await measure([shared, shared]));
  }
  const rate = (of: readonly Round[]): number => median(of.map((round) => round.rate));
  const perCpu = (of: readonly Round[]): number => median(of.map((round) => round.perCpu));
  return {
    bench: "redis-pair",
    ours: rate(two),
    peer: rate(one),
    ratio: rounded(rate(two) / rate(one)),
    unit: "deliveries/s",
    goal: 0.8,
    withoutRedis: rate(alone),
    scale: rounded(perCpu(two) / perCpu(one)),
    perCpu: { two: perCpu(two), one: perCpu(one), withoutRedis: perCpu(alone) },
    killed: await killed(),
    load: loadNow(),
  };
}

async function measure(sections: readonly object[]): Promise<Round> {
  using started = new DisposableStack();
  const hubs: Program[] = [];
  const ports: string[] = [];
  for (const section of sections) {
    const hub = started.use(startHere("tenants-hub.ts", [JSON.stringify(section)]));
    hubs.push(hub);
    ports.push(await hub.line());
  }
  // One hub has both subscribers.
  const spread = [ports[0], ports[1] ?? ports[0]].map(Number);
  const load = started.use(startLoad(spread, { ...fanIn, subscribers: 2, qos: 1, seconds }));
  await load.line();
  const from = hubs.map(({ pid }) => cpuOf(pid));
  const { rate, deliveries } = await figuresOf(load);
  const spent = hubs.map(({ pid }, at) => cpuOf(pid) - (from[at] ?? 0));
  return { rate: Number(rate), perCpu: Math.round(Number(deliveries) / Math.max(...spent)) };
}

/** What is lost of acknowledged publishes when the hub that took them is killed. */
async function killed(): Promise<{ readonly acknowledged: number; readonly lost: number }> {
  await using redis = await startRedis();
  const section = JSON.stringify({ redis: { url: redis.url } });
  using first = startHere("tenants-hub.ts", [section]);
  using second = startHere("tenants-hub.ts", [section]);
  const [dying, living] = [await urlOf(first), await urlOf(second)];
  const reader = await connectAsync(living, { clientId: "reader" });
  const heard = new Set<string>();
  reader.on("message", (_topic, payload) => void heard.add(payload.toString()));
  await reader.subscribeAsync(topic, { qos: 1 });
  const acknowledged = new Set<string>();
  const publisher = await connectAsync(dying, { reconnectPeriod: 0 });
  publisher.on("error", () => undefined);
  const gone = new Promise<void>((resolve) => publisher.once("close", () => resolve()));
  let next = 0;
  const more = (): void => {
    const name = `${(next += 1)}`;
    publisher.publish(topic, name, { qos: 1 }, (error) => {
      if (error !== undefined && error !== null) return;
      acknowledged.add(name);
      if (acknowledged.size === before) first.child.kill("SIGKILL");
      more();
    });
  };
  for (let sent = 0; sent < window; sent += 1) more();
  await gone;
  // The last of another client of the living hub comes behind all that Redis had.
  const last = await connectAsync(living, {});
  await last.publishAsync(topic, "last", { qos: 1 });
  while (!heard.has("last")) await sleep(clock, 10);
  await sleep(clock, 500);
  const lost = [...acknowledged].filter((name) => !heard.has(name)).length;
  await last.endAsync(true);
  await reader.endAsync(true);
  await publisher.endAsync(true);
  return { acknowledged: acknowledged.size, lost };
}

async function urlOf(hub: Program): Promise<string> {
  return `mqtt://127.0.0.1:${await hub.line()}`;
}

/**
 * Bench: deliveries per second at QoS 1, 200 B, 20 publishers to one subscriber, our hub (guard,
 * access and hooks in front of aedes) against Mosquitto without a limit of messages in flight, with
 * and without TCP_NODELAY: the better of the two counts. Broker and load each have a core; rounds
 * alternate, medians count.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRecord } from "../telemetry/index.ts";
import type { Program } from "./processes.ts";
import { cpuOf, median, pin, rounded, startHere, startMosquitto } from "./processes.ts";

export interface BrokerBench {
  readonly bench: "broker";
  readonly ours: number;
  readonly peer: number;
  readonly ratio: number;
  readonly unit: "deliveries/s";
  readonly goal: number;
  /** CPU of the broker, which the neighbours disturb less. @unit s per 100,000 deliveries */
  readonly cpu: { readonly ours: number; readonly peer: number };
}

interface Round {
  readonly rate: number;
  readonly cpu: number;
}

interface Broker extends Program {
  readonly port: number;
}

const rounds = 5;
const seconds = 2;

/** Runs the bench. @throws E_TOOL_MISSING */
export async function run(): Promise<BrokerBench> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-bench-"));
  const ours: Round[] = [];
  const nagle: Round[] = [];
  const noDelay: Round[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      ours.push(await measure(await startOurs()));
      nagle.push(await measure(await startMosquitto(folder, { noDelay: false })));
      noDelay.push(await measure(await startMosquitto(folder, { noDelay: true })));
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  const peer = middle(nagle, "rate") > middle(noDelay, "rate") ? nagle : noDelay;
  const rate = { ours: middle(ours, "rate"), peer: middle(peer, "rate") };
  return {
    bench: "broker",
    ...rate,
    ratio: rounded(rate.ours / rate.peer),
    unit: "deliveries/s",
    goal: 0.8,
    cpu: { ours: middle(ours, "cpu"), peer: middle(peer, "cpu") },
  };
}

async function measure(started: Broker): Promise<Round> {
  using broker = started;
  using load = startHere("broker-load.ts", [`${broker.port}`, `${seconds}`]);
  pin(0, broker.pid);
  pin(1, load.pid);
  await load.line();
  const before = cpuOf(broker.pid);
  const result: unknown = JSON.parse(await load.line());
  const spent = cpuOf(broker.pid) - before;
  if (!isRecord(result)) throw new Error("nothing was measured");
  const { rate, deliveries } = result;
  return { rate: Number(rate), cpu: rounded((spent / Number(deliveries)) * 100_000) };
}

async function startOurs(): Promise<Broker> {
  const hub = startHere("broker-hub.ts", []);
  return { ...hub, port: Number(await hub.line()) };
}

function middle(results: readonly Round[], key: keyof Round): number {
  return median(results.map((result) => result[key]));
}

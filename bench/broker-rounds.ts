/** A broker under the load of `broker-load.ts`, each on a core of its own. */
import { isRecord } from "../telemetry/index.ts";
import type { Program } from "./processes.ts";
import { cpuOf, median, pin, rounded, startHere, startMosquitto } from "./processes.ts";

export interface Broker extends Program {
  readonly port: number;
}

export interface Load {
  readonly publishers: number;
  readonly subscribers: number;
  readonly qos: 0 | 1;
  /** Messages of one publisher that are not both acknowledged and delivered to all. */
  readonly window: number;
  /** @unit s */
  readonly seconds: number;
  readonly login?: boolean;
}

export interface Round {
  /** @unit deliveries/s */
  readonly rate: number;
  /** CPU of the broker. @unit s per 100,000 deliveries */
  readonly cpu: number;
  /** Share of its core that the load took: near 1 it is what is measured. */
  readonly busy: number;
  readonly lost: number;
}

/** 20 publishers to one subscriber. */
export const fanIn = { publishers: 20, subscribers: 1, window: 20, seconds: 2 } as const;

/** Measures a broker, and ends it. */
export async function measure(started: Broker, load: Load): Promise<Round> {
  using broker = started;
  using clients = startLoad([broker.port], load);
  pin(0, broker.pid);
  pin(1, clients.pid);
  await clients.line();
  const before = cpuOf(broker.pid);
  const { rate, deliveries, busy } = await figuresOf(clients);
  const spent = cpuOf(broker.pid) - before;
  const { lost } = await figuresOf(clients);
  return {
    rate: Number(rate),
    cpu: rounded((spent / Number(deliveries)) * 100_000),
    busy: rounded(Number(busy)),
    lost: Number(lost),
  };
}

/** @param ports of hubs that are one broker: each has its share of the clients */
export function startLoad(ports: readonly number[], load: Load): Program {
  return startHere("broker-load.ts", [JSON.stringify({ ports, ...load })]);
}

/** The next figures that a load prints. */
export async function figuresOf(load: Program): Promise<Readonly<Record<string, unknown>>> {
  const result: unknown = JSON.parse(await load.line());
  if (!isRecord(result)) throw new Error("nothing was measured");
  return result;
}

/** Our hub, which stores nothing, against Mosquitto. */
export interface Compared {
  readonly ours: Round;
  /** With or without TCP_NODELAY: the better of the two. */
  readonly peer: Round;
}

/**
 * Rounds that alternate; medians.
 * @param folder for the configuration of Mosquitto
 * @throws E_TOOL_MISSING
 */
export async function compare(folder: string, load: Load, rounds: number): Promise<Compared> {
  const ours: Round[] = [];
  const nagle: Round[] = [];
  const noDelay: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await measure(await startOurs(), load));
    nagle.push(await measure(await startMosquitto(folder, { noDelay: false }), load));
    noDelay.push(await measure(await startMosquitto(folder, { noDelay: true }), load));
  }
  const [without, withIt] = [middle(nagle), middle(noDelay)];
  return { ours: middle(ours), peer: without.rate > withIt.rate ? without : withIt };
}

async function startOurs(): Promise<Broker> {
  const hub = startHere("broker-hub.ts", []);
  return { ...hub, port: Number(await hub.line()) };
}

/** What was lost is counted over all rounds. */
function middle(all: readonly Round[]): Round {
  const [rate, cpu, busy] = (["rate", "cpu", "busy"] as const).map((key) =>
    median(all.map((round) => round[key])),
  );
  const lost = all.reduce((sum, round) => sum + round.lost, 0);
  return { rate: rate ?? 0, cpu: cpu ?? 0, busy: busy ?? 0, lost };
}

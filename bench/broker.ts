/**
 * Bench: deliveries per second at QoS 1, 200 B, 20 publishers to one subscriber, our hub (guard,
 * access and hooks in front of aedes) against Mosquitto without a limit of messages in flight, with
 * and without TCP_NODELAY: the better of the two counts. Broker and load each have a core; rounds
 * alternate, medians count.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare, fanIn } from "./broker-rounds.ts";
import { rounded } from "./processes.ts";

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

const rounds = 5;

/** Runs the bench. @throws E_TOOL_MISSING */
export async function run(): Promise<BrokerBench> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-bench-"));
  try {
    const { ours, peer } = await compare(folder, { ...fanIn, qos: 1 }, rounds);
    return {
      bench: "broker",
      ours: ours.rate,
      peer: peer.rate,
      ratio: rounded(ours.rate / peer.rate),
      unit: "deliveries/s",
      goal: 0.8,
      cpu: { ours: ours.cpu, peer: peer.cpu },
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

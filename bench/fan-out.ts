/**
 * Bench: deliveries per second of one publisher to 50 subscribers, 200 B, at QoS 1 and at QoS 0,
 * our hub against Mosquitto as in `broker.ts`; and of 20 publishers to one subscriber at QoS 0.
 * Nothing may be lost: a publisher waits until all have what it sent.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Compared, Load } from "./broker-rounds.ts";
import { compare, fanIn } from "./broker-rounds.ts";
import { loadNow, rounded } from "./processes.ts";

const rounds = 3;
const fanOut = { publishers: 1, subscribers: 50, window: 100, seconds: 2 } as const;

/** Runs the bench. @throws E_TOOL_MISSING */
export async function run(): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-bench-"));
  const held = async (load: Load): Promise<Compared & { readonly ratio: number }> => {
    const { ours, peer } = await compare(folder, load, rounds);
    return { ratio: rounded(ours.rate / peer.rate), ours, peer };
  };
  try {
    const qos1 = await held({ ...fanOut, qos: 1 });
    const qos0 = await held({ ...fanOut, qos: 0 });
    const fanIn0 = await held({ ...fanIn, qos: 0 });
    const all = [qos1, qos0, fanIn0];
    return {
      bench: "fan-out",
      ours: qos1.ours.rate,
      peer: qos1.peer.rate,
      ratio: qos1.ratio,
      unit: "deliveries/s",
      goal: 1.3,
      lost: all.reduce((sum, { ours, peer }) => sum + ours.lost + peer.lost, 0),
      qos1,
      qos0,
      fanIn: { qos0: fanIn0 },
      load: loadNow(),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

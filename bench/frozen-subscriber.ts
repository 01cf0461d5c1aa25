/**
 * Bench: p99 from publisher to subscriber of ten organisations while another subscriber to all of
 * them does not read, against the same without it. Messages of 8 KiB fill the frozen one's budget
 * within the round; when it is cut, it comes back and freezes again.
 */
import type { Intruder } from "../broker/escape/intruder.ts";
import type { Disturbance } from "./neighbours.ts";
import { compare, enter } from "./neighbours.ts";

export async function run(): Promise<unknown> {
  const { ours, peer, ratio, ...more } = await compare({ broker: {}, size: 8192, disturb });
  const unit = "ms p99 of the others";
  return { bench: "frozen-subscriber", ours, peer, ratio, unit, goal: 1.2, ...more };
}

async function disturb(port: number): Promise<Disturbance> {
  const told = { frozen: 0 };
  let over = false;
  let frozen: Intruder | undefined;
  const freeze = async (): Promise<void> => {
    if (over) return;
    const { link, stream } = await enter(port, "city");
    await link.subscribe("rackstreet/v1/#");
    stream.pause();
    told.frozen += 1;
    frozen = link;
    void link.closed.then(freeze, () => undefined);
  };
  await freeze();
  return {
    told,
    [Symbol.asyncDispose]: () => {
      over = true;
      frozen?.break();
      return Promise.resolve();
    },
  };
}

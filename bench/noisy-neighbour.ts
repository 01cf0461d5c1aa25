/**
 * Bench: p99 from publisher to subscriber of ten organisations while another publishes at 100 times
 * its quota, against the same without it. The quota is 50 publishes a second, what each of the ten
 * publishes.
 */
import { publishPacket } from "../broker/escape/wire.ts";
import { clock } from "../cli/platform.ts";
import type { Timer } from "../telemetry/index.ts";
import type { Disturbance } from "./neighbours.ts";
import { compare, enter, noisyOrg } from "./neighbours.ts";

/** @unit 1/s */
const quota = 50;
const times = 100;
const connections = 5;
/** @unit ms */
const every = 10;

export async function run(): Promise<unknown> {
  const tenants = { [noisyOrg]: { rate: { messages: quota } } };
  const { ours, peer, ratio, ...more } = await compare({ broker: { tenants }, size: 200, disturb });
  const unit = "ms p99 of the others";
  return { bench: "noisy-neighbour", ours, peer, ratio, unit, goal: 1.2, ...more };
}

/** Publishes without waiting for anything but its own socket. */
async function disturb(port: number): Promise<Disturbance> {
  const told = { offered: 0, held_back: 0 };
  const clients = await Promise.all(
    Array.from({ length: connections }, () => enter(port, "noisy")),
  );
  const topic = `rackstreet/v1/${noisyOrg}/site/power/pdu/event`;
  const packet = publishPacket(topic, "x".repeat(200), { id: 1, retain: false });
  const share = (quota * times * every) / 1000 / connections;
  const burst = Buffer.concat(Array<Buffer>(share).fill(packet));
  let timer: Timer | undefined;
  const go = (): void => {
    timer = clock.after(every, go);
    for (const { stream } of clients) {
      if (stream.writableNeedDrain) told.held_back += share;
      else {
        stream.write(burst);
        told.offered += share;
      }
    }
  };
  go();
  return {
    told,
    [Symbol.asyncDispose]: () => {
      timer?.cancel();
      for (const { link } of clients) link.break();
      return Promise.resolve();
    },
  };
}

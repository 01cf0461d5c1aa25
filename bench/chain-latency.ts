/**
 * Live latency for `bench/chain.ts`: from the device's answer to the word `stored`, the real agent
 * (poll, durable spool, publish) and the real hub before InfluxDB, at 2,000 points a second. A
 * client listens to both: a batch says when its device answered, the answer names it when it
 * rests. Resolution 1 ms.
 */
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import mqtt from "mqtt";
import { decodeMessage, decodeStored } from "../telemetry/index.ts";
import { startInfluxd } from "../test/peers/influxd.ts";
import { freePort } from "../test/ports.ts";
import { startRackstreet } from "../test/rackstreet.ts";
import { devices, pointsABatch, shapes } from "./chain-points.ts";

const rate = 2000;
/** Of samples, after the start of all devices. */
const samples = 600;
const skipped = 150;

export interface Latency {
  /** @unit points/s */
  readonly rate: number;
  /** @unit ms */
  readonly p50: number;
  /** @unit ms */
  readonly p99: number;
}

/** Measures with the built `binary`; its files go below `folder`. */
export async function measureLatency(binary: string, folder: string): Promise<Latency> {
  await using influxd = await startInfluxd();
  const port = await freePort();
  const file = await configFile(folder, port, influxd.url);
  await using hub = startRackstreet(["hub", file], [binary]);
  await hub.logged("hub started");
  const listener = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 4 });
  await listener.subscribeAsync("rackstreet/v1/#", { qos: 0 });
  const enough = latencies(listener);
  await using _agent = startRackstreet(["agent", file], [binary]);
  const all = (await enough).slice(skipped).toSorted((a, b) => a - b);
  await listener.endAsync(true);
  const at = (share: number): number => all[Math.floor(share * all.length)] ?? Number.NaN;
  return { rate, p50: at(0.5), p99: at(0.99) };
}

/** Resolves with the latency of each batch, in the order in which they were stored. */
function latencies(listener: mqtt.MqttClient): Promise<readonly number[]> {
  const answered = new Map<number, number>();
  const found: number[] = [];
  return new Promise((resolve) => {
    listener.on("message", (topic, payload) => {
      if (topic.endsWith("/telemetry")) {
        const message = decodeMessage(payload, "telemetry");
        if (!("ok" in message) || topic.includes("/hub/")) return;
        for (const { seq, time } of message.ok.batches) answered.set(seq, time);
      } else if (topic.endsWith("/stored")) {
        const message = decodeStored(payload);
        if ("ok" in message) settle(message.ok.ranges, answered, found);
        if (found.length >= samples + skipped) resolve(found);
      }
    });
  });
}

function settle(
  ranges: readonly (readonly [number, number])[],
  answered: Map<number, number>,
  found: number[],
): void {
  const now = Date.now();
  for (const [from, to] of ranges) {
    for (let seq = from; seq <= to; seq += 1) {
      const time = answered.get(seq);
      if (time !== undefined) found.push(now - time);
    }
  }
}

async function configFile(folder: string, port: number, url: string): Promise<string> {
  const interval = `${Math.round((1000 * devices * pointsABatch) / rate)}ms`;
  const device = { driver: "sim", measurement: "rack_phase", points: pointsABatch, interval };
  const config = {
    site: "bench",
    log: "info",
    agent: {
      data: await mkdtemp(join(folder, "agent-")),
      uplink: { url: `mqtt://127.0.0.1:${port}` },
    },
    hub: { data: await mkdtemp(join(folder, "hub-")) },
    broker: { listen: [`mqtt://127.0.0.1:${port}`] },
    store: { engine: "influxdb1", url },
    devices: Object.fromEntries(
      Array.from({ length: devices }, (_, seed) => [
        `d${seed}`,
        { ...device, seed, fields: shapes.wide },
      ]),
    ),
  };
  const file = join(folder, "latency.json");
  await writeFile(file, JSON.stringify(config));
  return file;
}

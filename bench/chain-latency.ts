/**
 * Live latency for `bench/chain.ts`: from the device's answer to the word `stored`, the real agent
 * (poll, durable spool, publish) and the real hub before InfluxDB, at 2,000 points a second. A
 * client listens to both: a batch says when its device answered, the answer names it when it
 * rests. The part of the hub begins when that client hears the batch. Resolution 1 ms: the time
 * in a batch has no more.
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

/** @unit ms */
interface Sample {
  readonly all: number;
  readonly hub: number;
}

export interface Latency {
  /** @unit points/s */
  readonly rate: number;
  /** From the device's answer. @unit ms */
  readonly p50: number;
  readonly p99: number;
  /** From the broker. @unit ms */
  readonly hub_p50: number;
  readonly hub_p99: number;
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
  const found = (await enough).slice(skipped);
  await listener.endAsync(true);
  const at = (share: number, of: keyof Sample): number => {
    const sorted = found.map((sample) => sample[of]).toSorted((a, b) => a - b);
    return sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
  };
  return {
    rate,
    p50: at(0.5, "all"),
    p99: at(0.99, "all"),
    hub_p50: at(0.5, "hub"),
    hub_p99: at(0.99, "hub"),
  };
}

interface Times {
  readonly answered: number;
  readonly heard: number;
}

/** Resolves with the latency of each batch, in the order in which they were stored. */
function latencies(listener: mqtt.MqttClient): Promise<readonly Sample[]> {
  const times = new Map<number, Times>();
  const found: Sample[] = [];
  return new Promise((resolve) => {
    listener.on("message", (topic, payload) => {
      if (topic.endsWith("/telemetry")) {
        const message = decodeMessage(payload, "telemetry");
        if (!("ok" in message) || topic.includes("/hub/")) return;
        for (const { seq, time } of message.ok.batches) {
          times.set(seq, { answered: time, heard: Date.now() });
        }
      } else if (topic.endsWith("/stored")) {
        found.push(...samplesOf(payload, times));
        if (found.length >= samples + skipped) resolve(found);
      }
    });
  });
}

function samplesOf(payload: Uint8Array, times: ReadonlyMap<number, Times>): Sample[] {
  const now = Date.now();
  const message = decodeStored(payload);
  if (!("ok" in message)) return [];
  return message.ok.ranges.flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, i) => times.get(from + i))
      .filter((one) => one !== undefined)
      .map(({ answered, heard }) => ({ all: now - answered, hub: now - heard })),
  );
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

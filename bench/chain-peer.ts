/**
 * The peer chain of `bench/chain.ts` behind Mosquitto, a process of its own: what one writes first
 * with mqtt.js and the `influx` package. It subscribes at QoS 1, parses the JSON, gathers 5,000
 * points, writes them without waiting for the write before, and tells the load how many batches
 * rest in the store. Arguments: port of the broker, URL of the database.
 */
import { InfluxDB } from "influx";
import mqtt from "mqtt";
import { encodeStored } from "../telemetry/index.ts";
import { linesAWrite } from "./chain-points.ts";

interface Message {
  readonly time: number;
  readonly tags: Record<string, string>;
  readonly points: readonly {
    readonly measurement: string;
    readonly tags: Record<string, string>;
    readonly fields: Record<string, number>;
  }[];
}

interface PeerPoint {
  readonly measurement: string;
  readonly tags: Record<string, string>;
  readonly fields: Record<string, number>;
  readonly timestamp: number;
}

const [port = "", url = ""] = process.argv.slice(2);
const database = new URL(url);
const influx = new InfluxDB({
  host: database.hostname,
  port: Number(database.port),
  database: "theirs",
});
await influx.createDatabase("theirs");
const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 4 });
let points: PeerPoint[] = [];
let batches = 0;
client.on("message", (topic, payload) => {
  const [, , region = "", org = "", site = "", , device = ""] = topic.split("/");
  const message: unknown = JSON.parse(payload.toString());
  if (!isMessage(message)) return;
  for (const { measurement, tags, fields } of message.points) {
    points.push({
      measurement,
      tags: { region, org, site, ...message.tags, device, ...tags },
      fields,
      timestamp: message.time,
    });
  }
  batches += 1;
  if (points.length >= linesAWrite) void write();
});
await client.subscribeAsync("rackstreet/v1/+/+/+/power/+/telemetry", { qos: 1 });
console.log("ready");

async function write(): Promise<void> {
  const [given, count] = [points, batches];
  points = [];
  batches = 0;
  await influx.writePoints(given, { precision: "ms" });
  const answer = encodeStored("peer", [[1, count]]);
  await client.publishAsync("rackstreet/v1/local/main/bench/agent/load0/stored", answer, {
    qos: 1,
  });
}

/** A plain subscriber trusts its JSON. */
function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && "points" in value;
}

/**
 * The floor of `bench/alert-latency.ts`, a process of its own behind Mosquitto: a script that
 * subscribes at QoS 1, compares each value with one limit, and publishes a retained alert. It keeps
 * nothing over its end, stores nothing and knows no other rule. Argument: port of the broker.
 */
import { Socket } from "node:net";
import mqtt from "mqtt";
import { isRecord } from "../telemetry/index.ts";

const limit = 40;
const [port = ""] = process.argv.slice(2);
const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 4 });
if (client.stream instanceof Socket) client.stream.setNoDelay();
const firing = new Set<string>();
client.on("message", (topic, payload) => {
  const message: unknown = JSON.parse(payload.toString());
  if (!isRecord(message) || !Array.isArray(message["points"])) return;
  for (const point of message["points"]) {
    const fields: unknown = isRecord(point) ? point["fields"] : undefined;
    if (isRecord(fields)) judge(topic, Number(fields["temp_c"]));
  }
});
await client.subscribeAsync("rackstreet/v1/+/+/+/thermal/+/telemetry", { qos: 1 });
console.log("ready");

function judge(topic: string, value: number): void {
  const hot = value > limit;
  if (hot === firing.has(topic)) return;
  if (hot) firing.add(topic);
  else firing.delete(topic);
  const alerts = hot ? [{ rule: "very-hot", state: "firing", value }] : [];
  const answer = JSON.stringify({ v: 1, time: Date.now(), alerts });
  client.publish(topic.replace("/telemetry", "/alert"), answer, { qos: 1, retain: true });
}

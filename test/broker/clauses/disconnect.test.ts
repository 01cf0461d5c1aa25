/** MQTT 3.1.1, 3.14 and 4.8: how connections end. */
import { describe, expect, it } from "vitest";
import { running } from "../running.ts";
import { disconnect, packet } from "../wire.ts";
import { bare, come, root } from "./bare.ts";
import { hello, publish } from "./packets.ts";

const topic = `${root}/a`;

describe("DISCONNECT", () => {
  it("is the last that the hub reads of a connection [MQTT-3.14.4-2]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader" });
    await reader.subscribe([`${root}/#`, 1]);
    const client = await come(at, { id: "c" });
    client.send(disconnect, publish({ topic, payload: "behind it" }));
    expect(await client.ended()).toEqual([]);
    await at.hub.publish(topic, "fence");
    expect((await reader.take()).payload).toBe("fence");
  });

  it("with a body ends the connection as an error does [MQTT-4.8.0-1]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader" });
    await reader.subscribe([`${root}/#`, 1]);
    const client = await come(at, { id: "c", will: { topic, payload: "will" } });
    client.send(packet(0xe0, [0]));
    await client.ended();
    expect((await reader.take()).payload).toBe("will");
  });
});

describe("a breach of the protocol", () => {
  const length = Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]);
  it.each([
    ["type 0", packet(0x00)],
    ["type 15", packet(0xf0)],
    ["CONNACK", packet(0x20, [0, 0])],
    ["SUBACK", packet(0x90, [0, 1, 0])],
    ["UNSUBACK", packet(0xb0, [0, 1])],
    ["PINGRESP", packet(0xd0)],
    ["PUBACK of one byte", packet(0x40, [1])],
    ["PUBACK of three bytes", packet(0x40, [0, 1, 0])],
    ["PINGREQ with a body", packet(0xc0, [0])],
    ["PUBLISH at QoS 1 without a number", packet(0x32, [0, 1, 0x61])],
    ["a length of five bytes", length],
  ])("here %s ends its connection, and no other [MQTT-4.8.0-1]", async (_name, wrong) => {
    await using at = await running();
    const other = await come(at, { id: "other" });
    const client = await come(at, { id: "c" });
    client.send(wrong);
    expect(await client.ended()).toEqual([]);
    await other.say(topic, "x");
  });
});

it("what cannot be handled now ends its connection [MQTT-4.8.0-2]", async () => {
  await using at = await running({ limits: { inflight: 2, egress: "64KiB" } });
  const client = await come(at, { id: "c" });
  for (const id of [1, 2]) {
    client.send(publish({ topic, qos: 2, id }));
    expect(await client.next()).toEqual({ kind: "pubrec", id });
  }
  client.send(publish({ topic, qos: 2, id: 3 }));
  expect(await client.ended()).toEqual([]);
  expect(at.hub.counters.cut).toEqual({ broker: 1 });
});

it("a client that never acknowledges is cut when no number is left [MQTT-4.8.0-2]", async () => {
  await using at = await running({ limits: { egress: "16MiB" } });
  const client = await bare(at);
  client.send(hello({ id: "c" }));
  await client.next();
  await client.subscribe([topic, 1]);
  for (let n = 0; n < 65_536; n += 512) {
    const some = Array.from({ length: 512 }, () => at.hub.publish(topic, "x", { qos: 1 }));
    await Promise.all(some);
  }
  await client.ended();
  expect(at.hub.counters.cut).toEqual({ egress: 1 });
});

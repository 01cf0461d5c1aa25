/** MQTT 3.1.1, 3.1.2.5: wills. */
import { describe, expect, it } from "vitest";
import type { Running } from "../running.ts";
import { running } from "../running.ts";
import { disconnect, packet } from "../wire.ts";
import type { Bare } from "./bare.ts";
import { bare, come, gone, root } from "./bare.ts";
import { hello, publish } from "./packets.ts";

const topic = `${root}/will`;

async function watching(at: Running): Promise<Bare> {
  const reader = await come(at, { id: "reader" });
  await reader.subscribe([`${root}/#`, 2]);
  return reader;
}

/** Nothing was said before this. */
async function fence(at: Running, reader: Bare): Promise<void> {
  await gone(at, 1);
  await at.hub.publish(`${root}/fence`, "fence");
  expect((await reader.take()).payload).toBe("fence");
}

describe("a will", () => {
  const ends: readonly (readonly [string, (client: Bare, at: Running) => Promise<unknown>])[] = [
    ["vanishes", (client) => client.vanish()],
    [
      "breaks the protocol",
      (client) => {
        client.send(packet(0x36, [0, 1, 0x61, 0, 1]));
        return client.ended();
      },
    ],
    ["is silent for too long [MQTT-3.1.2-24]", (client) => client.ended()],
    ["is taken over", (client, at) => come(at, { id: "c" }).then(() => client.ended())],
  ];

  it.each(ends)("is published when its client %s [MQTT-3.1.2-8]", async (_name, end) => {
    await using at = await running();
    const reader = await watching(at);
    const client = await come(at, { id: "c", keepalive: 1, will: { topic, payload: "gone" } });
    await end(client, at);
    expect(await reader.take()).toMatchObject({ topic, payload: "gone" });
  });

  it.each([0, 1, 2] as const)(
    "has its QoS, here %i [MQTT-3.1.2-9] [MQTT-3.1.2-14]",
    async (qos) => {
      await using at = await running();
      const reader = await watching(at);
      const client = await come(at, { id: "c", will: { topic, payload: "", qos } });
      await client.vanish();
      expect(await reader.take()).toMatchObject({ topic, payload: "", qos });
    },
  );

  it("is gone with DISCONNECT [MQTT-3.1.2-10] [MQTT-3.14.4-3]", async () => {
    await using at = await running();
    const reader = await watching(at);
    for (const clean of [true, false]) {
      const client = await come(at, { id: "c", clean, will: { topic, qos: 1, retain: true } });
      client.send(disconnect);
      await client.ended();
    }
    // Behind a message, in the same breath.
    const client = await bare(at);
    client.send(hello({ id: "c", will: { topic } }), publish({ topic, payload: "x" }), disconnect);
    await client.ended();
    expect((await reader.take()).payload).toBe("x");
    await fence(at, reader);
  });

  it("is published once, not by the next too [MQTT-3.1.2-10] [MQTT-3.1.2-12]", async () => {
    await using at = await running();
    const reader = await watching(at);
    const client = await come(at, { id: "c", clean: false, will: { topic, payload: "gone" } });
    await client.vanish();
    expect((await reader.take()).payload).toBe("gone");
    const again = await come(at, { id: "c", clean: false });
    await again.vanish();
    await fence(at, reader);
  });

  it("of a connection is its own, not the one before's [MQTT-3.1.2-8]", async () => {
    await using at = await running();
    const reader = await watching(at);
    const first = await come(at, { id: "c", will: { topic, payload: "first" } });
    const second = await come(at, { id: "c", will: { topic, payload: "second" } });
    await first.ended();
    expect((await reader.take()).payload).toBe("first");
    await second.vanish();
    expect((await reader.take()).payload).toBe("second");
    await fence(at, reader);
  });

  it.each([false, true])(
    "is retained when it is to be: %s [MQTT-3.1.2-16] [MQTT-3.1.2-17]",
    async (retain) => {
      await using at = await running();
      const reader = await watching(at);
      const client = await come(at, { id: "c", will: { topic, payload: "gone", qos: 1, retain } });
      await client.vanish();
      expect(await reader.take()).toMatchObject({ payload: "gone", retain: false });
      const late = await come(at, { id: "late" });
      await late.subscribe([`${root}/#`, 1]);
      await at.hub.publish(topic, "fence", { qos: 1 });
      const first = await late.take();
      expect([first.payload, first.retain]).toEqual(retain ? ["gone", true] : ["fence", false]);
    },
  );

  it("of a client that is refused is none [MQTT-3.1.2-8]", async () => {
    const users = { eye: { password: "eye-secret", role: "reader" } };
    await using at = await running({ users });
    const reader = await come(at, { id: "r", user: "eye", password: "eye-secret" });
    await reader.subscribe([`${root}/#`, 1]);
    const client = await bare(at);
    client.send(hello({ id: "c", user: "eye", password: "wrong", will: { topic, qos: 1 } }));
    await client.ended();
    await fence(at, reader);
  });
});

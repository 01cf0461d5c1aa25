/** MQTT 3.1.1, 3.3: PUBLISH: its flags, its topic, who hears it and how. */
import { describe, expect, it } from "vitest";
import { running } from "../running.ts";
import { field, packet } from "../wire.ts";
import { bare, come, root } from "./bare.ts";
import { ack, hello, publish, subscribe } from "./packets.ts";

const topic = `${root}/a/b`;

describe("DUP", () => {
  it("is 1 when a message is sent again [MQTT-3.3.1-1]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    for (const qos of [1, 2] as const) {
      const id = `reader${qos}`;
      const first = await come(at, { id, clean: false });
      await first.subscribe([topic, 2]);
      writer.send(publish({ topic, payload: "once more", qos, id: 5 }));
      const before = await first.publish();
      expect(before).toMatchObject({ qos, dup: false });
      await first.vanish();
      const again = await come(at, { id, clean: false });
      expect(await again.publish()).toEqual({ ...before, dup: true });
      again.send(ack(qos === 1 ? "puback" : "pubrec", before.id ?? 0));
      await writer.next();
      if (qos === 2) break;
      await again.leave();
    }
  });

  it("of the sender is not the subscriber's [MQTT-3.3.1-3]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader" });
    await reader.subscribe([topic, 2]);
    const writer = await come(at, { id: "writer" });
    for (const qos of [1, 2] as const) {
      writer.send(publish({ topic, qos, dup: true, id: qos }));
      expect(await reader.take()).toMatchObject({ qos, dup: false });
    }
  });

  it("is 0 at QoS 0, whatever it was at [MQTT-3.3.1-2] [MQTT-4.3.1-1]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader" });
    await reader.subscribe([topic, 0]);
    const writer = await come(at, { id: "writer" });
    writer.send(publish({ topic, qos: 1, dup: true, id: 1 }));
    expect(await reader.publish()).toMatchObject({ qos: 0, dup: false });
    writer.send(publish({ topic, qos: 0, dup: true }));
    await writer.ended();
  });
});

it("QoS 3 ends the connection [MQTT-3.3.1-4]", async () => {
  await using at = await running();
  const client = await come(at, { id: "c" });
  client.send(packet(0x36, field(topic), [0, 1]));
  expect(await client.ended()).toEqual([]);
});

describe("RETAIN", () => {
  it("1 keeps a message with its QoS for whom comes [MQTT-3.3.1-5] [MQTT-3.3.1-6]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    for (const qos of [0, 1, 2] as const) {
      writer.send(publish({ topic: `${root}/kept/${qos}`, payload: `${qos}`, qos, retain: true }));
      if (qos > 0) await writer.next();
    }
    writer.send(ack("pubrel", 1));
    const reader = await come(at, { id: "reader" });
    await reader.subscribe([`${root}/kept/+`, 2]);
    const heard = [await reader.take(), await reader.take(), await reader.take()];
    expect(heard.map(({ payload, qos }) => [payload, qos])).toEqual([
      ["0", 0],
      ["1", 1],
      ["2", 2],
    ]);
  });

  it("1 at QoS 0 takes the place of what was kept [MQTT-3.3.1-7]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    await writer.say(topic, "old", true);
    writer.send(publish({ topic, payload: "new", retain: true }));
    await writer.say(`${root}/fence`, "");
    const reader = await come(at, { id: "reader" });
    await reader.subscribe([topic, 1]);
    expect(await reader.publish()).toMatchObject({ payload: "new", qos: 0 });
  });

  it("is 1 to a new subscription, 0 to one there is [MQTT-3.3.1-8] [MQTT-3.3.1-9]", async () => {
    await using at = await running();
    const early = await come(at, { id: "early" });
    await early.subscribe([topic, 1]);
    const writer = await come(at, { id: "writer" });
    await writer.say(topic, "kept", true);
    expect(await early.take()).toMatchObject({ payload: "kept", retain: false });
    const late = await come(at, { id: "late" });
    await late.subscribe([topic, 1]);
    expect(await late.take()).toMatchObject({ payload: "kept", retain: true });
  });

  it("is 1 alone where the message was there before [MQTT-3.3.1-6] [MQTT-3.3.1-8]", async () => {
    await using at = await running();
    for (const qos of [0, 1] as const) {
      const client = await come(at, { id: `c${qos}` });
      const own = `${topic}/${qos}`;
      // At once: the broker library is not done with the PUBLISH when it hears the SUBSCRIBE.
      client.send(publish({ topic: own, payload: "kept", qos, retain: true }));
      if (qos === 1) expect((await client.next()).kind).toBe("puback");
      client.send(subscribe(2, [own, 1]));
      expect((await client.next()).kind).toBe("suback");
      expect(await client.take()).toMatchObject({ payload: "kept", retain: true });
      await client.say(`${own}/fence`, "");
      client.send(publish({ topic: own, payload: "live" }));
      expect(await client.take()).toMatchObject({ payload: "live", retain: false });
    }
  });

  it("is 0 to one that was away meanwhile [MQTT-3.3.1-9]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader", clean: false });
    await reader.subscribe([topic, 1]);
    await reader.leave();
    const writer = await come(at, { id: "writer" });
    await writer.say(topic, "kept", true);
    const again = await come(at, { id: "reader", clean: false });
    expect(await again.take()).toMatchObject({ payload: "kept", retain: false });
  });

  it("of an empty message is heard, and removes [MQTT-3.3.1-10] [MQTT-3.3.1-11]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    await writer.say(topic, "kept", true);
    const early = await come(at, { id: "early" });
    await early.subscribe([topic, 1]);
    expect((await early.take()).payload).toBe("kept");
    await writer.say(topic, "", true);
    expect(await early.take()).toMatchObject({ payload: "", retain: false });
    const late = await come(at, { id: "late" });
    await late.subscribe([`${root}/#`, 1]);
    await writer.say(topic, "fence");
    expect((await late.take()).payload).toBe("fence");
  });

  it("0 keeps nothing and removes nothing [MQTT-3.3.1-12]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    await writer.say(topic, "kept", true);
    await writer.say(topic, "passing");
    await writer.say(topic, "");
    await writer.say(`${topic}/other`, "passing");
    const late = await come(at, { id: "late" });
    await late.subscribe([`${topic}/#`, 1]);
    expect(await late.take()).toMatchObject({ topic, payload: "kept" });
    await writer.say(topic, "fence");
    expect((await late.take()).payload).toBe("fence");
  });
});

describe("the topic", () => {
  it("comes first and is text [MQTT-3.3.2-1]", async () => {
    await using at = await running();
    for (const [n, wrong] of [
      packet(0x30),
      packet(0x30, [0]),
      packet(0x30, [0, 9, 0x61]),
      publish({ topic: Buffer.from([0x61, 0xff]) }),
    ].entries()) {
      const client = await come(at, { id: `c${n}` });
      client.send(wrong);
      expect(await client.ended()).toEqual([]);
    }
  });

  it.each(["+", "#", `${root}/+/b`, `${root}/a#`])(
    "%s has a wildcard [MQTT-3.3.2-2] [MQTT-4.7.1-1]",
    async (wild) => {
      await using at = await running();
      const reader = await come(at, { id: "reader" });
      await reader.subscribe([`${root}/#`, 1]);
      const client = await come(at, { id: "c" });
      client.send(publish({ topic: wild, qos: 1 }));
      expect(await client.ended()).toEqual([]);
      const writer = await come(at, { id: "writer" });
      await writer.say(topic, "fence");
      expect((await reader.take()).payload).toBe("fence");
    },
  );

  it("that a subscriber hears matches its filter, and is whole [MQTT-3.3.2-3]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader" });
    await reader.subscribe([`${root}/+/b`, 1]);
    const writer = await come(at, { id: "writer" });
    for (const other of ["a", "a/b/c", "b/a", "a/B"]) await writer.say(`${root}/${other}`, other);
    await writer.say(topic, "mine");
    expect(await reader.take()).toMatchObject({ topic, payload: "mine" });
  });
});

it("is answered as its QoS wants: not, PUBACK, PUBREC [MQTT-3.3.4-1]", async () => {
  await using at = await running();
  const client = await come(at, { id: "c" });
  client.send(publish({ topic }), publish({ topic, qos: 1, id: 3 }));
  expect(await client.next()).toEqual({ kind: "puback", id: 3 });
  client.send(publish({ topic, qos: 2, id: 4 }));
  expect(await client.next()).toEqual({ kind: "pubrec", id: 4 });
});

describe("subscriptions that overlap", () => {
  it.each([
    [`${root}/#`, 0, topic, 2],
    [`${root}/#`, 2, topic, 0],
    [`${root}/a/+`, 0, `${root}/+/b`, 1],
    [`${root}/a/+`, 1, `${root}/+/b`, 0],
    [topic, 1, `${root}/#`, 2],
  ])("%s at %i and %s at %i: the higher counts [MQTT-3.3.5-1]", async (one, low, two, high) => {
    await using at = await running();
    const most = Math.max(low, high);
    const writer = await come(at, { id: "writer" });
    for (const clean of [true, false]) {
      const reader = await come(at, { id: "reader", clean });
      await reader.subscribe([one, low], [two, high]);
      writer.send(publish({ topic, payload: "both", qos: 2, id: 8 }));
      expect(await writer.next()).toEqual({ kind: "pubrec", id: 8 });
      writer.send(ack("pubrel", 8));
      expect(await writer.next()).toEqual({ kind: "pubcomp", id: 8 });
      expect(await reader.take()).toMatchObject({ payload: "both", qos: most });
      await reader.leave();
      if (clean) continue;
      await writer.say(topic, "away");
      const again = await come(at, { id: "reader", clean });
      expect(await again.take()).toMatchObject({ payload: "away", qos: Math.min(1, most) });
      await again.leave();
    }
  });

  it("bring an absent client a message once, and it is done with it [MQTT-4.3.2-1]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader", clean: false });
    await reader.subscribe([`${root}/#`, 1], [topic, 1]);
    await reader.leave();
    const writer = await come(at, { id: "writer" });
    await writer.say(topic, "1");
    for (const due of [["1", "2"], ["3"]]) {
      const again = await come(at, { id: "reader", clean: false });
      await writer.say(topic, due.at(-1) ?? "");
      expect(await again.texts(due.length)).toEqual(due);
      await again.leave();
    }
  });
});

it("that is not allowed is acknowledged, and reaches nobody [MQTT-3.3.5-2]", async () => {
  const users = { eye: { password: "eye-secret", role: "reader" } };
  await using at = await running({ users });
  const client = await bare(at);
  client.send(hello({ id: "eye-1", user: "eye", password: "eye-secret" }));
  await client.next();
  await client.subscribe([`${root}/#`, 2]);
  client.send(publish({ topic, qos: 1, id: 3 }), publish({ topic, qos: 2, id: 4 }));
  expect(await client.next()).toEqual({ kind: "puback", id: 3 });
  expect(await client.next()).toEqual({ kind: "pubrec", id: 4 });
  client.send(ack("pubrel", 4));
  expect(await client.next()).toEqual({ kind: "pubcomp", id: 4 });
  await at.hub.publish(topic, "fence");
  expect((await client.publish()).payload).toBe("fence");
});

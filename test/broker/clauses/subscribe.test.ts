/** MQTT 3.1.1, 3.8 to 3.11: SUBSCRIBE, UNSUBSCRIBE and their answers. */
import { describe, expect, it } from "vitest";
import { running } from "../running.ts";
import { field, packet } from "../wire.ts";
import { come, root } from "./bare.ts";
import { ack, publish, subscribe, unsubscribe } from "./packets.ts";

const topic = `${root}/a`;

describe("SUBSCRIBE", () => {
  it.each([
    ["no filter at all [MQTT-3.8.3-3]", packet(0x82, [0, 1])],
    ["nothing", packet(0x82)],
    ["QoS 3 [MQTT-3.8.3-4]", subscribe(1, [topic, 3])],
    ["a reserved bit [MQTT-3.8.3-4]", subscribe(1, [topic, 4])],
    ["the highest reserved bit [MQTT-3.8.3-4]", subscribe(1, [topic, 0x81])],
    ["no QoS", packet(0x82, [0, 1], field(topic))],
    ["a right filter and a wrong one [MQTT-3.8.3-4]", subscribe(1, [topic, 1], [topic, 3])],
    ["an empty filter [MQTT-4.7.3-1]", subscribe(1, ["", 0])],
  ])("with %s ends the connection", async (_name, wrong) => {
    await using at = await running();
    const client = await come(at, { id: "c" });
    client.send(wrong);
    expect(await client.ended()).toEqual([]);
  });

  it("is answered with its number [MQTT-3.8.4-1] [MQTT-3.8.4-2]", async () => {
    await using at = await running();
    const client = await come(at, { id: "c" });
    client.send(subscribe(513, [topic, 1]));
    expect(await client.next()).toEqual({ kind: "suback", id: 513, codes: [1] });
  });

  it("with wildcards is one like any other [MQTT-3.8.3-2]", async () => {
    await using at = await running();
    const client = await come(at, { id: "c" });
    expect(await client.subscribe([`${root}/+`, 1], [`${root}/#`, 2])).toEqual([1, 2]);
  });

  it("gets a code for each filter, in their order [MQTT-3.8.4-5] [MQTT-3.9.3-1]", async () => {
    const users = { eye: { password: "eye-secret", role: "reader", read: [`${root}/#`] } };
    await using at = await running({ users });
    const client = await come(at, { id: "c", user: "eye", password: "eye-secret" });
    const wanted = [
      [`${root}/2`, 2],
      ["elsewhere", 0],
      [`${root}/0`, 0],
      ["#", 1],
      [`${root}/1`, 1],
    ] as const;
    expect(await client.subscribe(...wanted)).toEqual([2, 0x80, 0, 0x80, 1]);
    client.send(subscribe(2, ...wanted.toReversed()));
    expect(await client.next()).toMatchObject({ id: 2, codes: [1, 0x80, 0, 0x80, 2] });
  });

  it("has no code but 0, 1, 2 and 0x80 [MQTT-3.9.3-2]", async () => {
    await using at = await running({ limits: { subscriptions: 3 } });
    const client = await come(at, { id: "c" });
    const wanted = [0, 1, 2, 0, 1].map((qos, n) => [`${root}/${n}`, qos] as const);
    const shared = [`$share/g/${topic}`, 1] as const;
    expect(await client.subscribe(...wanted, shared)).toEqual([0, 1, 2, 0x80, 0x80, 0x80]);
  });

  it("of several filters is as several with one each [MQTT-3.8.4-4]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    for (const n of [1, 2]) await writer.say(`${root}/${n}`, `kept ${n}`, true);
    const one = await come(at, { id: "one" });
    one.send(subscribe(1, [`${root}/1`, 0], [`${root}/2`, 1]));
    const two = await come(at, { id: "two" });
    two.send(subscribe(1, [`${root}/1`, 0]), subscribe(2, [`${root}/2`, 1]));
    expect(await one.next()).toEqual({ kind: "suback", id: 1, codes: [0, 1] });
    for (const client of [one, two]) {
      const heard = [];
      while (heard.length < 2) {
        const next = await client.next();
        if (next.kind === "publish") heard.push([next.payload, next.qos]);
      }
      expect(heard).toEqual([
        ["kept 1", 0],
        ["kept 2", 1],
      ]);
    }
  });

  it("takes the place of one with the same filter, without a gap [MQTT-3.8.4-3]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    await writer.say(`${topic}/kept`, "kept", true);
    const reader = await come(at, { id: "reader" });
    for (const qos of [1, 2, 0, 0]) {
      expect(await reader.subscribe([`${topic}/+`, qos])).toEqual([qos]);
      const due = Math.min(qos, 1);
      expect(await reader.take()).toMatchObject({ payload: "kept", retain: true, qos: due });
      await writer.say(`${topic}/live`, "live");
      expect(await reader.take()).toMatchObject({ payload: "live", qos: due });
    }
    const done = Promise.all(
      Array.from({ length: 300 }, (_, n) => at.hub.publish(`${topic}/live`, `${n}`, { qos: 1 })),
    );
    const numbers = [];
    for (let n = 0; n < 20; n += 1) reader.send(subscribe(n + 1, [`${topic}/live`, n % 2]));
    reader.send(unsubscribe(99, `${topic}/live`));
    await done;
    while (numbers.length < 300) {
      const heard = await reader.next();
      if (heard.kind === "publish") numbers.push(Number(heard.payload));
    }
    expect(numbers).toEqual([...Array(300).keys()]);
  });
});

describe("a message", () => {
  const all = [0, 1, 2].flatMap((sent) => [0, 1, 2].map((granted) => [sent, granted] as const));
  it.each(all)(
    "of QoS %i at a subscription of %i has the lower [MQTT-3.8.4-6]",
    async (...pair) => {
      await using at = await running();
      const [sent, granted] = pair;
      const due = Math.min(sent, granted);
      const writer = await come(at, { id: "writer" });
      const say = async (name: string, retain = false): Promise<void> => {
        const qos = sent === 2 ? 2 : sent === 1 ? 1 : 0;
        writer.send(publish({ topic: `${topic}/${name}`, payload: name, qos, id: 6, retain }));
        if (sent === 2) {
          await writer.next();
          writer.send(ack("pubrel", 6));
        }
        if (sent > 0) await writer.next();
        else await writer.say(`${root}/fence`, "");
      };
      await say("kept", true);
      for (const [id, filter] of [
        ["exact", `${topic}/kept`],
        ["wild", `${topic}/#`],
      ] as const) {
        const reader = await come(at, { id, clean: false });
        expect(await reader.subscribe([filter, granted])).toEqual([granted]);
        expect(await reader.take()).toMatchObject({ payload: "kept", retain: true, qos: due });
        await say("kept");
        expect(await reader.take()).toMatchObject({ payload: "kept", retain: false, qos: due });
        if (due === 0) continue;
        await reader.leave();
        await say("kept");
        const again = await come(at, { id, clean: false });
        expect(await again.take()).toMatchObject({ payload: "kept", retain: false, qos: due });
        await again.leave();
      }
    },
  );
});

describe("UNSUBSCRIBE", () => {
  it("without a filter ends the connection [MQTT-3.10.3-2]", async () => {
    await using at = await running();
    const client = await come(at, { id: "c" });
    client.send(packet(0xa2, [0, 1]));
    expect(await client.ended()).toEqual([]);
  });

  it("ends what has its filter to the letter [MQTT-3.10.4-1] [MQTT-3.10.4-2]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader" });
    await reader.subscribe([topic, 1], [`${root}/+`, 1]);
    const others = [`${root}/#`, `${root}/A`, `${topic}/`, `${root}/+/`];
    reader.send(unsubscribe(3, ...others));
    expect(await reader.next()).toEqual({ kind: "unsuback", id: 3 });
    await at.hub.publish(topic, "still", { qos: 1 });
    expect((await reader.take()).payload).toBe("still");
    reader.send(unsubscribe(4, `${root}/+`));
    expect(await reader.next()).toEqual({ kind: "unsuback", id: 4 });
    await at.hub.publish(`${root}/b`, "no more", { qos: 1 });
    await at.hub.publish(topic, "still", { qos: 1 });
    expect((await reader.take()).payload).toBe("still");
    reader.send(unsubscribe(5, topic));
    expect(await reader.next()).toEqual({ kind: "unsuback", id: 5 });
    await reader.subscribe([`${root}/fence`, 0]);
    await at.hub.publish(topic, "no more", { qos: 1 });
    await at.hub.publish(`${root}/fence`, "fence");
    expect((await reader.take()).payload).toBe("fence");
  });

  it.each([1, 2])("lets QoS %i on its way come to its end [MQTT-3.10.4-3]", async (qos) => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    for (const clean of [true, false]) {
      const reader = await come(at, { id: "reader", clean });
      await reader.subscribe([topic, 2]);
      writer.send(publish({ topic, qos: qos === 1 ? 1 : 2, id: 2 }));
      await writer.next();
      const { id = 0 } = await reader.publish();
      reader.send(unsubscribe(3, topic));
      expect(await reader.next()).toEqual({ kind: "unsuback", id: 3 });
      if (qos === 2) {
        writer.send(ack("pubrel", 2));
        await writer.next();
        reader.send(ack("pubrec", id));
        expect(await reader.next()).toEqual({ kind: "pubrel", id });
        if (clean) continue;
      }
      await reader.vanish();
      if (clean) continue;
      const again = await come(at, { id: "reader", clean });
      expect(again.present).toBe(true);
      expect(await again.next()).toMatchObject({ kind: qos === 1 ? "publish" : "pubrel", id });
      again.send(ack(qos === 1 ? "puback" : "pubcomp", id));
    }
  });

  it("is answered with its number, whatever it ends [MQTT-3.10.4-4] [MQTT-3.10.4-5]", async () => {
    await using at = await running();
    for (const clean of [true, false]) {
      const client = await come(at, { id: "c", clean });
      client.send(unsubscribe(513, topic));
      expect(await client.next()).toEqual({ kind: "unsuback", id: 513 });
    }
  });

  it("of several filters ends each, with one answer [MQTT-3.10.4-6]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader", clean: false });
    const filters = [`${root}/1`, `${root}/2`, `${root}/3`];
    await reader.subscribe(...filters.map((filter) => [filter, 1] as const), [`${root}/4`, 1]);
    reader.send(unsubscribe(7, ...filters, `${root}/unknown`, `${root}/1`));
    expect(await reader.next()).toEqual({ kind: "unsuback", id: 7 });
    for (const n of [1, 2, 3, 4]) await at.hub.publish(`${root}/${n}`, `${n}`, { qos: 1 });
    expect((await reader.take()).payload).toBe("4");
  });
});

/** MQTT 3.1.1, 1.5.3, 2.2 and 2.3: text, reserved flags, packet identifiers. */
import { describe, expect, it } from "vitest";
import { PacketIds } from "../../../broker/packet-ids.ts";
import type { Running } from "../running.ts";
import { running } from "../running.ts";
import { field, packet } from "../wire.ts";
import { bare, come, root } from "./bare.ts";
import { ack, hello, publish, subscribe, unsubscribe } from "./packets.ts";

const topic = `${root}/a`;

const illFormed: readonly (readonly [string, Buffer])[] = [
  ["a lone high surrogate", Buffer.from([0xed, 0xa0, 0x80])],
  ["a lone low surrogate", Buffer.from([0xed, 0xbf, 0xbf])],
  ["a surrogate pair in two threes", Buffer.from([0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80])],
  ["an overlong slash", Buffer.from([0xc0, 0xaf])],
  ["a lone continuation byte", Buffer.from([0x80])],
  ["a character cut off", Buffer.from([0xe2, 0x82])],
  ["above U+10FFFF", Buffer.from([0xf4, 0x90, 0x80, 0x80])],
  ["a byte that no text has", Buffer.from([0xff])],
];

/** Ends when the hub closed on each packet that has this text in it, without an answer. */
async function closesOn(at: Running, text: Buffer): Promise<void> {
  const name = Buffer.concat([Buffer.from("a"), text]);
  for (const wrong of [
    hello({ id: name }),
    hello({ id: "w", will: { topic: name } }),
    hello({ id: "u", user: name, password: "p" }),
  ]) {
    const stranger = await bare(at);
    stranger.send(wrong);
    expect(await stranger.ended()).toEqual([]);
  }
  for (const wrong of [
    publish({ topic: name, qos: 1 }),
    subscribe(1, [name]),
    unsubscribe(1, name),
  ]) {
    const client = await come(at, { id: "c" });
    client.send(wrong);
    expect(await client.ended()).toEqual([]);
  }
}

describe("text", () => {
  it.each(illFormed)(
    "with %s ends the connection, wherever it stands [MQTT-1.5.3-1] [MQTT-3.1.3-4] " +
      "[MQTT-3.1.3-10] [MQTT-3.1.3-11] [MQTT-3.8.3-1] [MQTT-3.10.3-1]",
    async (_name, bytes) => {
      await using at = await running();
      await closesOn(at, bytes);
    },
  );

  it("with U+0000 ends the connection [MQTT-1.5.3-2] [MQTT-4.7.3-2]", async () => {
    await using at = await running();
    await closesOn(at, Buffer.from([0]));
  });

  it("keeps its U+FEFF: another client, another topic [MQTT-1.5.3-3]", async () => {
    await using at = await running();
    const plain = await come(at, { id: "c" });
    const marked = await come(at, { id: "\ufeffc" });
    await plain.subscribe([topic]);
    await marked.subscribe([`${root}/\ufeffa`]);
    const writer = await come(at, { id: "writer" });
    await writer.say(`${root}/\ufeffa`, "\ufeffmarked");
    await writer.say(topic, "plain");
    expect(await plain.publish()).toMatchObject({ topic, payload: "plain" });
    const heard = await marked.publish();
    expect(heard).toMatchObject({ topic: `${root}/\ufeffa`, payload: "\ufeffmarked" });
  });
});

/** What the low four bits of each packet must be [MQTT 2.2.2]. */
const flagged: readonly (readonly [string, Buffer])[] = [
  ["PUBACK", ack("puback", 1)],
  ["PUBREC", ack("pubrec", 1)],
  ["PUBREL [MQTT-3.6.1-1]", ack("pubrel", 1)],
  ["PUBCOMP", ack("pubcomp", 1)],
  ["SUBSCRIBE [MQTT-3.8.1-1]", subscribe(1, [topic])],
  ["UNSUBSCRIBE [MQTT-3.10.1-1]", unsubscribe(1, topic)],
  ["PINGREQ", packet(0xc0)],
  ["DISCONNECT [MQTT-3.14.1-1]", packet(0xe0)],
];

describe("reserved flags", () => {
  it.each(flagged)(
    "of %s are as they must be, or the connection ends [MQTT-2.2.2-1] [MQTT-2.2.2-2]",
    async (_name, right) => {
      await using at = await running();
      for (let flags = 0; flags < 16; flags += 1) {
        if (flags === ((right[0] ?? 0) & 0x0f)) continue;
        const client = await come(at, { id: "c" });
        const wrong = Buffer.from(right);
        wrong[0] = ((right[0] ?? 0) & 0xf0) | flags;
        client.send(wrong);
        expect(await client.ended(), `flags ${flags}`).toEqual([]);
      }
    },
  );
});

describe("a packet identifier", () => {
  it.each([
    ["PUBLISH at QoS 1", publish({ topic, qos: 1, id: 0 })],
    ["PUBLISH at QoS 2", publish({ topic, qos: 2, id: 0 })],
    ["SUBSCRIBE", subscribe(0, [topic])],
    ["UNSUBSCRIBE", unsubscribe(0, topic)],
  ])("of %s is not 0 [MQTT-2.3.1-1]", async (_name, wrong) => {
    await using at = await running();
    const client = await come(at, { id: "c" });
    client.send(wrong);
    expect(await client.ended()).toEqual([]);
  });

  it("of ours is not in use, over all connections of a session [MQTT-2.3.1-4]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    const used = new Map<number, string>();
    for (let connection = 0; connection < 3; connection += 1) {
      const reader = await come(at, { id: "reader", clean: false });
      if (connection === 0) await reader.subscribe([`${root}/#`, 1]);
      for (const [id, payload] of used)
        expect(await reader.publish()).toMatchObject({ id, payload });
      for (let n = 0; n < 20; n += 1) {
        await writer.say(topic, `${connection} ${n}`);
        const { id = 0, payload } = await reader.publish();
        expect([...used.keys()]).not.toContain(id);
        // Half of them stay on their way.
        if (n % 2 === 0) used.set(id, payload);
        else reader.send(ack("puback", id));
      }
      await reader.vanish();
    }
    expect(used.size).toBe(30);
  });

  it("is never given twice, and each in its turn [MQTT-2.3.1-4] [MQTT-4.3.2-1]", () => {
    const ids = new PacketIds();
    const kept = [1, 300, 65_535];
    const wrong: number[] = [];
    for (let n = 0; n < 200_000; n += 1) {
      const id = ids.next() ?? 0;
      if (id < 1 || id > 65_535 || (n >= 65_535 && kept.includes(id))) wrong.push(id);
      if (!kept.includes(id)) ids.release(id);
    }
    expect(wrong).toEqual([]);
    const all = new Set<number | undefined>();
    for (let n = 0; n < 65_535 - kept.length; n += 1) all.add(ids.next());
    expect(all.size).toBe(65_532);
    expect(ids.next()).toBeUndefined();
    ids.release(300);
    expect(ids.next()).toBe(300);
  });

  it("is not there at QoS 0: the payload begins at once [MQTT-2.3.1-5]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader" });
    await reader.subscribe([topic, 2]);
    const writer = await come(at, { id: "writer" });
    writer.send(packet(0x30, field(topic), Buffer.from([0, 7, 0x61])));
    expect(await reader.publish()).toMatchObject({ payload: "\0\u0007a", id: undefined });
  });

  it("of each answer is that of the question [MQTT-2.3.1-6] [MQTT-2.3.1-7]", async () => {
    await using at = await running();
    const client = await come(at, { id: "c" });
    for (const id of [1, 258, 65_535]) {
      client.send(publish({ topic, qos: 1, id }));
      expect(await client.next()).toEqual({ kind: "puback", id });
      client.send(publish({ topic, qos: 2, id }));
      expect(await client.next()).toEqual({ kind: "pubrec", id });
      client.send(ack("pubrel", id));
      expect(await client.next()).toEqual({ kind: "pubcomp", id });
      client.send(subscribe(id, [`${root}/b`, 1]));
      expect(await client.next()).toEqual({ kind: "suback", id, codes: [1] });
      client.send(unsubscribe(id, `${root}/b`));
      expect(await client.next()).toEqual({ kind: "unsuback", id });
    }
  });
});

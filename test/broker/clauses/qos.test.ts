/** MQTT 3.1.1, 4.3: the handshakes of QoS 1 and 2, with the hub at either end. */
import { describe, expect, it } from "vitest";
import { running } from "../running.ts";
import { come, root } from "./bare.ts";
import { ack, publish } from "./packets.ts";

const topic = `${root}/a`;

describe("QoS 0", () => {
  it("is sent without DUP or number, and not again [MQTT-4.3.1-1]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader", clean: false });
    await reader.subscribe([topic, 0]);
    await at.hub.publish(topic, "0");
    expect(await reader.publish()).toMatchObject({ qos: 0, dup: false, id: undefined });
    await reader.vanish();
    await at.hub.publish(topic, "lost");
    const again = await come(at, { id: "reader", clean: false });
    await at.hub.publish(topic, "then");
    expect((await again.publish()).payload).toBe("then");
  });
});

describe("QoS 1", () => {
  it("is sent first without DUP, and is on its way until PUBACK [MQTT-4.3.2-1]", async () => {
    await using at = await running();
    const first = await come(at, { id: "reader", clean: false });
    await first.subscribe([topic, 1]);
    await at.hub.publish(topic, "1", { qos: 1 });
    await at.hub.publish(topic, "2", { qos: 1 });
    const [one, two] = [await first.publish(), await first.publish()];
    expect([one.dup, two.dup]).toEqual([false, false]);
    expect(one.id).not.toBe(two.id);
    first.send(ack("puback", one.id ?? 0));
    await first.leave();
    const again = await come(at, { id: "reader", clean: false });
    expect(await again.take()).toEqual({ ...two, dup: true });
    await again.leave();
    const done = await come(at, { id: "reader", clean: false });
    await at.hub.publish(topic, "3", { qos: 1 });
    expect((await done.take()).payload).toBe("3");
  });

  it("is a new message after PUBACK, DUP or not [MQTT-4.3.2-2]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader" });
    await reader.subscribe([topic, 1]);
    const writer = await come(at, { id: "writer" });
    for (const [payload, dup] of [
      ["1", false],
      ["2", false],
      ["3", true],
    ] as const) {
      writer.send(publish({ topic, payload, qos: 1, id: 5, dup }));
      expect(await writer.next()).toEqual({ kind: "puback", id: 5 });
    }
    expect(await reader.texts(3)).toEqual(["1", "2", "3"]);
  });
});

describe("QoS 2 from the hub", () => {
  it("goes by PUBREC, PUBREL and PUBCOMP [MQTT-4.3.3-1]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    for (const clean of [true, false]) {
      const reader = await come(at, { id: "reader", clean });
      await reader.subscribe([topic, 2]);
      writer.send(publish({ topic, payload: "once", qos: 2, id: 1 }));
      expect(await writer.next()).toEqual({ kind: "pubrec", id: 1 });
      writer.send(ack("pubrel", 1));
      expect(await writer.next()).toEqual({ kind: "pubcomp", id: 1 });
      const { id = 0, ...heard } = await reader.publish();
      expect(heard).toMatchObject({ qos: 2, dup: false, payload: "once" });
      reader.send(ack("pubrec", id));
      expect(await reader.next()).toEqual({ kind: "pubrel", id });
      reader.send(ack("pubcomp", id));
      await reader.leave();
    }
    const again = await come(at, { id: "reader", clean: false });
    await at.hub.publish(topic, "then", { qos: 1 });
    expect((await again.take()).payload).toBe("then");
  });

  it("is no PUBLISH any more once there was a PUBREL [MQTT-4.3.3-1]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    const reader = await come(at, { id: "reader", clean: false });
    await reader.subscribe([topic, 2]);
    writer.send(publish({ topic, qos: 2, id: 1 }));
    const { id = 0 } = await reader.publish();
    reader.send(ack("pubrec", id), ack("pubrec", id));
    for (const _twice of [1, 2]) expect(await reader.next()).toEqual({ kind: "pubrel", id });
    await reader.vanish();
    const again = await come(at, { id: "reader", clean: false });
    expect(await again.next()).toEqual({ kind: "pubrel", id });
    again.send(ack("pubcomp", id));
    await again.leave();
    const done = await come(at, { id: "reader", clean: false });
    await at.hub.publish(topic, "then", { qos: 1 });
    expect((await done.take()).payload).toBe("then");
  });

  it("is on its way until PUBREC: a PUBACK ends nothing [MQTT-4.3.3-1]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    const reader = await come(at, { id: "reader", clean: false });
    await reader.subscribe([topic, 2]);
    writer.send(publish({ topic, qos: 2, id: 1 }));
    const heard = await reader.publish();
    reader.send(ack("puback", heard.id ?? 0));
    await reader.leave();
    const again = await come(at, { id: "reader", clean: false });
    expect(await again.take()).toEqual({ ...heard, dup: true });
  });

  it("of a retained message has its handshake too [MQTT-4.3.3-1]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    writer.send(publish({ topic, payload: "kept", qos: 2, id: 1, retain: true }));
    await writer.next();
    for (const clean of [true, false]) {
      const reader = await come(at, { id: "reader", clean });
      await reader.subscribe([topic, 2]);
      expect(await reader.take()).toMatchObject({ payload: "kept", qos: 2, retain: true });
      await at.hub.publish(topic, "then", { qos: 1 });
      expect((await reader.take()).payload).toBe("then");
      await reader.leave();
    }
  });
});

describe("QoS 2 to the hub", () => {
  it("is handed on once, however often it comes before PUBREL [MQTT-4.3.3-2]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader" });
    await reader.subscribe([topic, 1]);
    let writer = await come(at, { id: "writer", clean: false });
    const say = (payload: string, dup: boolean): void =>
      writer.send(publish({ topic, payload, qos: 2, id: 9, dup }));
    for (const dup of [false, true, false]) {
      say("once", dup);
      expect(await writer.next()).toEqual({ kind: "pubrec", id: 9 });
    }
    // Also over a connection of the same session.
    await writer.vanish();
    writer = await come(at, { id: "writer", clean: false });
    say("once", true);
    expect(await writer.next()).toEqual({ kind: "pubrec", id: 9 });
    for (const _twice of [1, 2]) {
      writer.send(ack("pubrel", 9));
      expect(await writer.next()).toEqual({ kind: "pubcomp", id: 9 });
    }
    say("a new one", true);
    expect(await writer.next()).toEqual({ kind: "pubrec", id: 9 });
    expect(await reader.texts(2)).toEqual(["once", "a new one"]);
    expect(at.seen.map(({ payload }) => payload)).toEqual(["once", "a new one"]);
  });

  it("ends with PUBCOMP, also for a number that is not known [MQTT-4.3.3-2]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    writer.send(ack("pubrel", 1234));
    expect(await writer.next()).toEqual({ kind: "pubcomp", id: 1234 });
  });
});

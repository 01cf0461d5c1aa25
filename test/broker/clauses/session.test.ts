/** MQTT 3.1.1, 3.1.2.4, 3.2.2.2, 4.1 and 4.4: sessions. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { running } from "../running.ts";
import { come, root } from "./bare.ts";
import { ack, publish, unsubscribe } from "./packets.ts";

const topic = `${root}/a`;

describe("CleanSession 0", () => {
  it("takes up the session there is, else begins one [MQTT-3.1.2-4] [MQTT-3.1.4-3]", async () => {
    await using at = await running();
    const first = await come(at, { id: "c", clean: false });
    await first.subscribe([topic, 1]);
    await first.leave();
    const again = await come(at, { id: "c", clean: false });
    await at.hub.publish(topic, "subscribed still", { qos: 1 });
    expect(await again.take()).toMatchObject({ payload: "subscribed still", qos: 1 });
  });

  it("keeps QoS 1 and 2 for who is away [MQTT-3.1.2-5] [MQTT-4.5.0-1]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader", clean: false });
    await reader.subscribe([`${root}/+`, 2]);
    await reader.vanish();
    const writer = await come(at, { id: "writer" });
    for (const qos of [1, 2] as const) {
      writer.send(publish({ topic: `${root}/${qos}`, payload: `${qos}`, qos, id: qos }));
      await writer.next();
    }
    writer.send(ack("pubrel", 2));
    await writer.next();
    const again = await come(at, { id: "reader", clean: false });
    const heard = [await again.take(), await again.take()];
    expect(heard.map(({ payload, qos, dup }) => [payload, qos, dup])).toEqual([
      ["1", 1, false],
      ["2", 2, false],
    ]);
  });

  it("says whether there was a session [MQTT-3.2.2-2] [MQTT-3.2.2-3]", async () => {
    await using at = await running();
    const first = await come(at, { id: "c", clean: false });
    expect(first.present).toBe(false);
    await first.subscribe([topic, 1]);
    await first.leave();
    const again = await come(at, { id: "c", clean: false });
    expect(again.present).toBe(true);
  });

  it("says so of one without subscriptions too [MQTT-3.2.2-2]", async () => {
    await using at = await running();
    const first = await come(at, { id: "c", clean: false });
    await first.leave();
    const second = await come(at, { id: "c", clean: false });
    expect(second.present).toBe(true);
    await second.subscribe([topic, 0]);
    second.send(unsubscribe(2, topic));
    await second.next();
    await second.vanish();
    expect((await come(at, { id: "c", clean: false })).present).toBe(true);
    expect(at.hub.counters.denied).toBe(0);
  });
});

describe("CleanSession 1", () => {
  it("ends what was, and leaves nothing [MQTT-3.1.2-6] [MQTT-3.2.2-1]", async () => {
    await using at = await running();
    for (const filters of [[topic], []]) {
      const first = await come(at, { id: "c", clean: false });
      for (const filter of filters) await first.subscribe([filter, 1]);
      await first.leave();
      await at.hub.publish(topic, "for the first", { qos: 1 });
      const clean = await come(at, { id: "c" });
      expect(clean.present).toBe(false);
      await clean.subscribe([`${root}/fence`, 1]);
      await at.hub.publish(topic, "for nobody", { qos: 1 });
      await at.hub.publish(`${root}/fence`, "fence", { qos: 1 });
      expect((await clean.take()).payload).toBe("fence");
      await clean.leave();
      const after = await come(at, { id: "c", clean: false });
      expect(after.present).toBe(false);
      await after.subscribe([`${root}/fence`, 1]);
      await at.hub.publish(`${root}/fence`, "fence", { qos: 1 });
      expect((await after.take()).payload).toBe("fence");
      await after.leave();
      await (await come(at, { id: "c" })).leave();
    }
  });

  it("ends the handshakes of the one before [MQTT-3.1.2-6]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader" });
    await reader.subscribe([topic, 1]);
    for (const payload of ["1", "2"]) {
      const client = await come(at, { id: "c" });
      client.send(publish({ topic, payload, qos: 2, id: 4 }));
      expect(await client.next()).toEqual({ kind: "pubrec", id: 4 });
      expect((await reader.take()).payload).toBe(payload);
      await client.vanish();
    }
  });

  it("does not end what is retained [MQTT-3.1.2-7]", async () => {
    await using at = await running();
    for (const clean of [true, false]) {
      const writer = await come(at, { id: "writer", clean });
      await writer.say(topic, "kept", true);
      await writer.leave();
      await (await come(at, { id: "writer" })).leave();
      const reader = await come(at, { id: "reader" });
      await reader.subscribe([topic, 1]);
      expect(await reader.take()).toMatchObject({ payload: "kept", retain: true });
    }
  });
});

describe("a session", () => {
  it("lasts while its connection does, longer than others' [MQTT-4.1.0-2]", async () => {
    await using at = await running();
    const client = await come(at, { id: "c" });
    await client.subscribe([topic, 1]);
    for (let n = 0; n < 5; n += 1) await (await come(at, { id: "other" })).leave();
    await at.hub.publish(topic, "still", { qos: 1 });
    expect((await client.take()).payload).toBe("still");
  });

  it("sends again what was not acknowledged, as it was [MQTT-4.4.0-1]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    const reader = await come(at, { id: "reader", clean: false });
    await reader.subscribe([`${root}/+`, 2]);
    for (const [n, qos] of ([1, 2, 2, 1] as const).entries()) {
      writer.send(publish({ topic: `${root}/${n}`, payload: `${n}`, qos, id: n + 1 }));
      await writer.next();
    }
    const heard = [];
    for (let n = 0; n < 4; n += 1) heard.push(await reader.publish());
    const [one, two, three, four] = heard;
    // The second is at PUBREL, the last is done with.
    reader.send(ack("pubrec", two?.id ?? 0), ack("puback", four?.id ?? 0));
    expect(await reader.next()).toEqual({ kind: "pubrel", id: two?.id });
    for (let connection = 0; connection < 2; connection += 1) {
      await reader.vanish();
      const again = await come(at, { id: "reader", clean: false });
      expect(await again.next()).toEqual({ ...one, dup: true });
      expect(await again.next()).toEqual({ kind: "pubrel", id: two?.id });
      expect(await again.next()).toEqual({ ...three, dup: true });
      await at.hub.publish(`${root}/x`, "then", { qos: 1 });
      expect(await again.take()).toMatchObject({ payload: "then", dup: false });
      await again.vanish();
    }
  });

  it("sends a retained message again that was not acknowledged [MQTT-4.4.0-1]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    writer.send(publish({ topic, payload: "kept", qos: 2, id: 3, retain: true }));
    await writer.next();
    const reader = await come(at, { id: "reader", clean: false });
    await reader.subscribe([`${root}/#`, 2]);
    const first = await reader.publish();
    expect(first).toMatchObject({ retain: true, qos: 2, dup: false });
    await reader.vanish();
    const again = await come(at, { id: "reader", clean: false });
    expect(await again.take()).toEqual({ ...first, dup: true });
    await again.leave();
    const done = await come(at, { id: "reader", clean: false });
    await at.hub.publish(topic, "then", { qos: 1 });
    expect((await done.take()).payload).toBe("then");
  });

  it("is stored for as long as it lasts, over a restart too [MQTT-4.1.0-1]", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-clauses-"));
    const source = new URL("../../../broker/keep/worker.ts", import.meta.url);
    const keep = { path: join(folder, "broker.sqlite"), worker: () => new Worker(source) };
    try {
      let before;
      {
        await using at = await running({}, { keep });
        const writer = await come(at, { id: "writer" });
        const reader = await come(at, { id: "reader", clean: false });
        await reader.subscribe([`${root}/+`, 2]);
        for (const id of [1, 2]) {
          writer.send(publish({ topic: `${root}/${id}`, payload: `${id}`, qos: 2, id }));
          await writer.next();
        }
        before = [await reader.publish(), await reader.publish()];
        reader.send(ack("pubrec", before[0]?.id ?? 0));
        await reader.next();
        reader.send(unsubscribe(3, `${root}/+`));
        await reader.next();
        await (await come(at, { id: "bare", clean: false })).leave();
      }
      await using at = await running({}, { keep });
      const again = await come(at, { id: "reader", clean: false });
      expect(again.present).toBe(true);
      expect(await again.next()).toEqual({ kind: "pubrel", id: before[0]?.id });
      expect(await again.next()).toEqual({ ...before[1], dup: true });
      expect((await come(at, { id: "bare", clean: false })).present).toBe(true);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

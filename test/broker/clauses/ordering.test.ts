/** MQTT 3.1.1, 4.6: the order of messages and of handshakes. */
import { describe, expect, it } from "vitest";
import { running } from "../running.ts";
import { come, root } from "./bare.ts";
import { ack, publish } from "./packets.ts";

const topic = `${root}/a`;
const hundred = Array.from({ length: 100 }, (_, n) => `${n}`);

describe("messages of one client on one topic", () => {
  it.each([0, 1, 2] as const)(
    "at QoS %i arrive in the order that they were sent [MQTT-4.6.0-5] [MQTT-4.6.0-6]",
    async (qos) => {
      await using at = await running();
      const readers = [
        await come(at, { id: "clean" }),
        await come(at, { id: "session", clean: false }),
      ];
      for (const reader of readers) await reader.subscribe([`${root}/#`, 2], [topic, 1]);
      const writer = await come(at, { id: "writer" });
      // Kept and not kept in turn: the one waits for more than the other.
      writer.send(
        ...hundred.map((payload, n) =>
          publish({ topic, payload, qos, id: n + 1, retain: n % 3 === 0 }),
        ),
      );
      for (const reader of readers) {
        const heard = [];
        while (heard.length < hundred.length) {
          const next = await reader.next();
          if (next.kind === "publish") heard.push(next.payload);
        }
        expect(heard).toEqual(hundred);
      }
    },
  );

  it("that waited come before those that come meanwhile [MQTT-4.6.0-6]", async () => {
    await using at = await running();
    const reader = await come(at, { id: "reader", clean: false });
    await reader.subscribe([topic, 1]);
    await reader.leave();
    const writer = await come(at, { id: "writer" });
    const send = (from: number, to: number): void =>
      writer.send(
        ...Array.from({ length: to - from }, (_, n) =>
          publish({ topic, payload: `${from + n}`, qos: 1, id: from + n + 1 }),
        ),
      );
    send(0, 1000);
    for (let n = 0; n < 1000; n += 1) await writer.next();
    const coming = come(at, { id: "reader", clean: false });
    send(1000, 3000);
    const again = await coming;
    const heard = [];
    while (heard.length < 3000) heard.push(Number((await again.publish()).payload));
    expect(heard).toEqual([...Array(3000).keys()]);
  });

  it.each([1, 2] as const)("are sent again in their order, QoS %i [MQTT-4.6.0-1]", async (qos) => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    const first = await come(at, { id: "reader", clean: false });
    await first.subscribe([topic, qos]);
    writer.send(...hundred.map((payload, n) => publish({ topic, payload, qos, id: n + 1 })));
    const ids = [];
    while (ids.length < hundred.length) ids.push((await first.publish()).id ?? 0);
    // Some are done with.
    const done = ids.filter((_, n) => n % 5 === 0);
    first.send(...done.map((id) => ack(qos === 1 ? "puback" : "pubrec", id)));
    for (const id of qos === 2 ? done : []) {
      expect(await first.next()).toEqual({ kind: "pubrel", id });
      first.send(ack("pubcomp", id));
    }
    await first.leave();
    const again = await come(at, { id: "reader", clean: false });
    const left = hundred.filter((_, n) => n % 5 !== 0);
    const heard = [];
    while (heard.length < left.length) heard.push((await again.publish()).payload);
    expect(heard).toEqual(left);
  });
});

describe("answers of the hub", () => {
  it.each([
    [1, "puback"],
    [2, "pubrec"],
  ] as const)("to QoS %i are in its order, %s [MQTT-4.6.0-2] [MQTT-4.6.0-3]", async (qos, kind) => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    writer.send(
      ...hundred.map((payload, n) =>
        publish({ topic: `${topic}/${n % 3}`, payload, qos, id: n + 1, retain: n % 4 === 0 }),
      ),
    );
    for (const n of hundred.keys()) expect(await writer.next()).toEqual({ kind, id: n + 1 });
  });

  it("to PUBREC are in the order that those came [MQTT-4.6.0-4]", async () => {
    await using at = await running();
    const writer = await come(at, { id: "writer" });
    for (const clean of [true, false]) {
      const reader = await come(at, { id: "reader", clean });
      await reader.subscribe([topic, 2]);
      writer.send(...hundred.map((payload, n) => publish({ topic, payload, qos: 2, id: n + 1 })));
      const ids = [];
      while (ids.length < hundred.length) ids.push((await reader.publish()).id ?? 0);
      // Not in the order of the messages.
      const mixed = ids.toSorted((a, b) => (a % 7) - (b % 7) || b - a);
      reader.send(...mixed.map((id) => ack("pubrec", id)));
      for (const id of mixed) expect(await reader.next()).toEqual({ kind: "pubrel", id });
      for (const [n] of hundred.entries()) {
        await writer.next();
        writer.send(ack("pubrel", n + 1));
      }
      for (const _each of hundred) await writer.next();
      await reader.vanish();
    }
  });
});

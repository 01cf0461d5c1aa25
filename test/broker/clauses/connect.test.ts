/** MQTT 3.1.1, 3.1 and 3.2: CONNECT and its answer. */
import { describe, expect, it } from "vitest";
import { running } from "../running.ts";
import { connect, field, packet, ping } from "../wire.ts";
import { bare, come, gone, root } from "./bare.ts";
import { hello, publish, subscribe } from "./packets.ts";

const topic = `${root}/a`;
const users = { eye: { password: "eye-secret", role: "reader" } };

describe("the first packet", () => {
  it.each([
    ["PUBLISH", publish({ topic })],
    ["SUBSCRIBE", subscribe(1, [topic])],
    ["PINGREQ", ping],
    ["DISCONNECT", packet(0xe0)],
    ["CONNACK", packet(0x20, [0, 0])],
  ])("is CONNECT, not %s [MQTT-3.1.0-1] [MQTT-4.8.0-1]", async (_name, wrong) => {
    await using at = await running();
    const client = await bare(at);
    client.send(wrong);
    expect(await client.ended()).toEqual([]);
  });

  it("from the hub is CONNACK, whatever a session waits for [MQTT-3.2.0-1]", async () => {
    await using at = await running();
    const first = await come(at, { id: "reader", clean: false });
    await first.subscribe([`${root}/0`, 0], [`${root}/1`, 1]);
    await first.leave();
    const publishing = new AbortController();
    const stream = (async () => {
      for (let n = 0; !publishing.signal.aborted; n += 1) {
        await at.hub.publish(`${root}/${n % 2}`, `${n}`, { qos: n % 2 === 0 ? 0 : 1 });
      }
    })();
    for (let n = 0; n < 20; n += 1) {
      const client = await come(at, { id: "reader", clean: false });
      await client.vanish();
    }
    publishing.abort();
    await stream;
  });
});

it("a second CONNECT ends the connection, late or at once [MQTT-3.1.0-2]", async () => {
  await using at = await running();
  const first = await come(at, { id: "c" });
  first.send(hello({ id: "c" }));
  expect(await first.ended()).toEqual([]);
  const second = await bare(at);
  second.send(hello({ id: "c" }), hello({ id: "c" }));
  expect(await second.ended()).toEqual([{ kind: "connack", present: false, code: 0 }]);
});

describe("CONNECT", () => {
  it.each(["HTTP", "mqtt", "MQTTX", ""])(
    "of protocol %j is not answered [MQTT-3.1.2-1]",
    async (name) => {
      await using at = await running();
      const client = await bare(at);
      client.send(connect({ name }));
      expect(await client.ended()).toEqual([]);
    },
  );

  it.each([0, 1, 2, 3, 6, 127])(
    "of level %i is answered 1, and ends [MQTT-3.1.2-2] [MQTT-3.2.2-4] [MQTT-3.2.2-5]",
    async (level) => {
      await using at = await running();
      const client = await bare(at);
      client.send(connect({ level }));
      expect(await client.ended()).toEqual([{ kind: "connack", present: false, code: 1 }]);
    },
  );

  const [c, t, m, u, p] = ["c", topic, "gone", "eye", "eye-secret"].map(field);
  const parts = (...fields: readonly (Buffer | undefined)[]): Buffer[] =>
    fields.filter((one) => one !== undefined);

  it.each([
    ["the reserved flag set [MQTT-3.1.2-3]", connect({ flags: 3 })],
    ["a will flag and no will [MQTT-3.1.2-9]", connect({ flags: 6, fields: parts(c) })],
    ["a will flag and half a will [MQTT-3.1.2-9]", connect({ flags: 6, fields: parts(c, t) })],
    ["a will and no will flag [MQTT-3.1.2-11]", connect({ flags: 2, fields: parts(c, t, m) })],
    ["will QoS 1, no will flag [MQTT-3.1.2-13] [MQTT-3.1.2-11]", connect({ flags: 0x0a })],
    ["will QoS 2, no will flag [MQTT-3.1.2-13]", connect({ flags: 0x12 })],
    ["will QoS 3 [MQTT-3.1.2-14]", connect({ flags: 0x1e, fields: parts(c, t, m) })],
    ["will retain, no will flag [MQTT-3.1.2-15] [MQTT-3.1.2-11]", connect({ flags: 0x22 })],
    ["a user name and no flag for it [MQTT-3.1.2-18]", connect({ fields: parts(c, u) })],
    ["a user flag and no user name [MQTT-3.1.2-19]", connect({ flags: 0x82 })],
    ["a password, no flag [MQTT-3.1.2-20]", connect({ flags: 0x82, fields: parts(c, u, p) })],
    ["a password flag alone [MQTT-3.1.2-21]", connect({ flags: 0xc2, fields: parts(c, u) })],
    ["a password, no user [MQTT-3.1.2-22]", connect({ flags: 0x42, fields: parts(c, p) })],
    ["no client identifier at all [MQTT-3.1.3-3]", connect({ fields: [] })],
    ["nothing behind the level", packet(0x10, field("MQTT"), [4])],
    ["no keep alive", packet(0x10, field("MQTT"), [4, 2])],
    ["its flags set", packet(0x11, field("MQTT"), [4, 2, 0, 60], field("c"))],
  ])("with %s ends without CONNACK [MQTT-3.1.4-1]", async (_name, wrong) => {
    await using at = await running();
    const client = await bare(at);
    client.send(wrong);
    expect(await client.ended()).toEqual([]);
  });

  it("has its fields in their order [MQTT-3.1.3-1] [MQTT-3.1.2-19] [MQTT-3.1.2-21]", async () => {
    const all = { ...users, agent: { password: "agent-secret", role: "admin" } };
    await using at = await running({ users: all });
    const reader = await bare(at);
    reader.send(hello({ id: "r", user: "eye", password: "eye-secret" }));
    await reader.next();
    await reader.subscribe([`${root}/#`, 1]);
    const will = { topic, payload: "gone" };
    const client = await come(at, { id: "c", will, user: "agent", password: "agent-secret" });
    await client.vanish();
    expect(await reader.publish()).toMatchObject({ topic, payload: "gone" });
  });

  it("that is right is answered with 0 [MQTT-3.1.4-4]", async () => {
    await using at = await running();
    const client = await bare(at);
    client.send(hello({ id: "c" }));
    expect(await client.next()).toEqual({ kind: "connack", present: false, code: 0 });
  });

  it("that is refused is the last that is read [MQTT-3.1.4-5] [MQTT-3.2.2-5]", async () => {
    await using at = await running({ users });
    const reader = await come(at, { id: "r", user: "eye", password: "eye-secret" });
    await reader.subscribe([`${root}/#`, 0]);
    const client = await bare(at);
    const will = { topic, payload: "will" };
    client.send(
      hello({ id: "c", user: "eye", password: "wrong", will }),
      publish({ topic, payload: "behind it", retain: true }),
      subscribe(1, [topic]),
    );
    expect(await client.ended()).toEqual([{ kind: "connack", present: false, code: 5 }]);
    await gone(at, 1);
    await at.hub.publish(topic, "fence");
    expect(await reader.publish()).toMatchObject({ payload: "fence" });
  });

  it("of a refused session says there is none [MQTT-3.2.2-4]", async () => {
    await using at = await running({ users });
    const right = { id: "c", clean: false, user: "eye", password: "eye-secret" };
    const first = await come(at, right);
    await first.leave();
    const client = await bare(at);
    client.send(hello({ ...right, password: "wrong" }));
    expect(await client.ended()).toEqual([{ kind: "connack", present: false, code: 5 }]);
  });

  it("in its largest forms ends without CONNACK where no code fits [MQTT-3.2.2-6]", async () => {
    await using at = await running();
    const client = await bare(at);
    client.send(hello({ id: "c".repeat(9000) }));
    expect(await client.ended()).toEqual([]);
    expect(at.hub.counters.cut).toEqual({ oversize: 1 });
  });
});

describe("a client identifier", () => {
  it("of 1 to 23 letters and digits is taken [MQTT-3.1.3-5]", async () => {
    await using at = await running();
    const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (let length = 1; length <= 23; length += 1) {
      const from = (length * 7) % 39;
      await come(at, { id: letters.slice(from, from + length) });
    }
    for (const letter of letters) await come(at, { id: letter });
  });

  it("of no length is made up, one for each [MQTT-3.1.3-6]", async () => {
    await using at = await running();
    const both = [await come(at, { id: "" }), await come(at, { id: "" })];
    for (const client of both) expect(await client.subscribe([topic, 0])).toEqual([0]);
    await at.hub.publish(topic, "to both");
    for (const client of both) expect((await client.publish()).payload).toBe("to both");
  });

  it("of no length cannot have a session [MQTT-3.1.3-8] [MQTT-3.1.3-9]", async () => {
    await using at = await running();
    const client = await bare(at);
    client.send(hello({ id: "", clean: false }));
    expect(await client.ended()).toEqual([{ kind: "connack", present: false, code: 2 }]);
  });

  it("of another user is refused with 2 [MQTT-3.1.3-9]", async () => {
    const two = { ...users, other: { password: "other-secret", role: "reader" } };
    await using at = await running({ users: two });
    const owner = await come(at, { id: "c", user: "eye", password: "eye-secret" });
    const thief = await bare(at);
    thief.send(hello({ id: "c", user: "other", password: "other-secret" }));
    expect(await thief.ended()).toEqual([{ kind: "connack", present: false, code: 2 }]);
    owner.send(ping);
    expect(await owner.next()).toEqual({ kind: "pingresp" });
  });

  it("says whose session it is, to the letter [MQTT-3.1.3-2]", async () => {
    await using at = await running();
    const ids = ["c", "C", "c ", "\u00e9", "e\u0301", "__proto__"];
    for (const [n, id] of ids.entries()) {
      const client = await come(at, { id, clean: false });
      expect(client.present).toBe(false);
      await client.subscribe([`${root}/${n}`, 1]);
      await client.leave();
    }
    for (const n of ids.keys()) await at.hub.publish(`${root}/${n}`, `${n}`, { qos: 1 });
    for (const [n, id] of ids.entries()) {
      const client = await come(at, { id, clean: false });
      expect([client.present, (await client.take()).payload]).toEqual([true, `${n}`]);
    }
  });

  it("of one that is there ends the older connection [MQTT-3.1.4-2]", async () => {
    await using at = await running();
    for (const clean of [true, false]) {
      const older = await come(at, { id: "c", clean });
      const newer = await come(at, { id: "c", clean });
      expect(await older.ended()).toEqual([]);
      newer.send(ping);
      expect(await newer.next()).toEqual({ kind: "pingresp" });
      await newer.leave();
    }
  });
});

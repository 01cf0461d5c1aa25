/** MQTT 3.1.1, 4.7: topics, filters, and which matches which, live, kept and waiting alike. */
import { describe, expect, it } from "vitest";
import { running } from "../running.ts";
import { come, root } from "./bare.ts";
import { subscribe, unsubscribe } from "./packets.ts";

const fence = "rackstreet/v1/fence";
const topics = ["a", "a/", "a/b", "a/b/c", "/", "/a", "//", "A", "a b", "$x", "$x/a", "b"];

/** A filter, and those of `topics` that it matches. */
const matches: readonly (readonly [string, readonly string[]])[] = [
  ["#", topics],
  ["+", ["a", "A", "a b", "$x", "b"]],
  ["a", ["a"]],
  ["a/#", ["a", "a/", "a/b", "a/b/c"]],
  ["a/+", ["a/", "a/b"]],
  ["+/+", ["a/", "a/b", "/", "/a", "$x/a"]],
  ["/+", ["/", "/a"]],
  ["+/a", ["/a", "$x/a"]],
  ["+/+/+", ["a/b/c", "//"]],
  ["/#", ["/", "/a", "//"]],
  ["+/b/#", ["a/b", "a/b/c"]],
  ["a b", ["a b"]],
];

describe("a filter", () => {
  it.each(matches)("%s matches what it should [MQTT-4.7.1-2] [MQTT-4.7.1-3]", async (...pair) => {
    const [filter, due] = pair;
    await using at = await running();
    const below = (level: string): string => `${root}/${level}`;
    const expected = due.map(below).toSorted();
    const live = await come(at, { id: "live" });
    await live.subscribe([below(filter), 1], [`${fence}/0`, 1]);
    const away = await come(at, { id: "away", clean: false });
    await away.subscribe([below(filter), 1], [`${fence}/2`, 1]);
    await away.leave();
    for (const topic of topics) {
      await at.hub.publish(below(topic), "x", { qos: 1, retain: true });
    }
    const late = await come(at, { id: "late" });
    await late.subscribe([below(filter), 1], [`${fence}/1`, 1]);
    const again = await come(at, { id: "away", clean: false });
    for (const [n, client] of [live, late, again].entries()) {
      const heard = [];
      while (heard.length < due.length) heard.push((await client.take()).topic);
      expect(heard.toSorted()).toEqual(expected);
      await at.hub.publish(`${fence}/${n}`, "fence", { qos: 1 });
      expect((await client.take()).payload).toBe("fence");
    }
  });

  it.each(["a#", "#/a", "a/#/b", "a/b#", "##", "#+", "$share/g/#/x"])(
    "%s has its # where none may be [MQTT-4.7.1-2]",
    async (filter) => {
      await using at = await running();
      for (const make of [subscribe, unsubscribe]) {
        const client = await come(at, { id: "c" });
        client.send(make === subscribe ? subscribe(1, [filter]) : unsubscribe(1, filter));
        expect(await client.ended()).toEqual([]);
      }
    },
  );

  it.each(["a+", "+a", "a/+b", "a/b+/c", "++", "a/++"])(
    "%s has its + beside something [MQTT-4.7.1-3]",
    async (filter) => {
      await using at = await running();
      const client = await come(at, { id: "c" });
      client.send(subscribe(1, [filter]));
      expect(await client.ended()).toEqual([]);
    },
  );

  it.each(["#", "+/#", "+/+/new/clients"])(
    "%s hears nothing of $SYS, which is there [MQTT-4.7.2-1]",
    async (filter) => {
      const users = {
        all: { password: "all-secret", role: "reader", read: ["#", "$SYS/#"] },
      };
      await using at = await running({ users });
      const login = { user: "all", password: "all-secret" };
      const sys = await come(at, { id: "sys", ...login });
      expect(await sys.subscribe(["$SYS/+/new/clients", 1])).toEqual([1]);
      const reader = await come(at, { id: "reader", ...login });
      expect(await reader.subscribe([filter, 1], [`${root}/fence`, 0])).toEqual([1, 0]);
      await come(at, { id: "another", ...login });
      expect(await sys.texts(2)).toEqual(["reader", "another"]);
      await at.hub.publish(`${root}/fence`, "fence");
      expect((await reader.take()).payload).toBe("fence");
    },
  );
});

describe("a topic", () => {
  it("and a filter have a letter at least [MQTT-4.7.3-1]", async () => {
    await using at = await running();
    for (const wrong of [Buffer.from([0x30, 2, 0, 0]), subscribe(1, ["", 0]), unsubscribe(1, "")]) {
      const client = await come(at, { id: "c" });
      client.send(wrong);
      expect(await client.ended()).toEqual([]);
    }
  });

  it("may have 65,535 bytes, as a filter may [MQTT-4.7.3-3]", async () => {
    await using at = await running();
    const longest = `${root}/`.padEnd(65_535, "ä").slice(0, root.length + 1);
    const topic = longest + "ä".repeat(Math.floor((65_535 - longest.length) / 2));
    const exact = topic.padEnd(topic.length + 65_535 - Buffer.byteLength(topic), "x");
    expect(Buffer.byteLength(exact)).toBe(65_535);
    const reader = await come(at, { id: "reader" });
    expect(await reader.subscribe([exact, 1])).toEqual([1]);
    await (await come(at, { id: "writer" })).say(exact, "x");
    expect((await reader.take()).topic).toBe(exact);
  });

  it("is compared as it is, letter by letter [MQTT-4.7.3-4]", async () => {
    await using at = await running();
    const names = [
      "\u00e9",
      "e\u0301",
      "\u212b",
      "\u00c5",
      "ﬁ",
      "fi",
      "i",
      "I",
      "ß",
      "ss",
      " a",
      "a ",
    ];
    const reader = await come(at, { id: "reader", clean: false });
    for (const name of names) {
      await reader.subscribe([`${root}/${name}`, 1]);
      for (const other of names) await at.hub.publish(`${root}/${other}`, other, { qos: 1 });
      expect(await reader.take()).toMatchObject({ topic: `${root}/${name}`, payload: name });
      reader.send(unsubscribe(1, `${root}/${name}`));
      expect(await reader.next()).toEqual({ kind: "unsuback", id: 1 });
    }
  });
});

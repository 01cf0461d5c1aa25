/** The store exam, part three: hostile names, lists of names, and the life of a store. */
import { expect, test } from "vitest";
import type { Line } from "../../telemetry/index.ts";
import type { Query } from "../../store/index.ts";
import { ask, day, midnight, power, signal, watts, withStore } from "./store_lines.ts";
import type { OpenStore } from "./store_lines.ts";

/** Names that try to leave their quotes in line protocol, InfluxQL or SQL. */
const hostile = [
  "机房 七",
  "a,b=c d",
  "'; DROP TABLE series; --",
  '" OR 1=1 --',
  String.raw`back\slash`,
  String.raw`\' OR ''='`,
  "line\nrack_power x_evil=1",
  "#comment",
  "__proto__",
  "🙂",
] as const;

/** Names that try to break out. */
export function examNames(open: OpenStore): void {
  test.each(hostile)("a tag value %j stays one value", async (value) => {
    await using exam = await open();
    const { store } = exam;
    const lines = [
      power(midnight, { active_power_w: 1 }, { rack: value }),
      power(midnight, { active_power_w: 2 }),
    ];
    expect((await store.write(lines, signal)).accepted).toBe(2);
    const own = await ask(store, watts("sum", { where: { rack: value }, groupBy: ["rack"] }));
    expect(own.map(({ rows }) => rows[0]?.values)).toEqual([{ active_power_w: 1 }]);
    expect(own[0]?.tags["rack"]).toBe(value.replace("\n", " "));
    expect(await store.measurements(signal)).toEqual(["rack_power"]);
    expect(await store.fields("rack_power", signal)).toEqual(["active_power_w"]);
  });

  test.each(hostile)("a measurement and a tag called %j stay one name", async (name) => {
    await using exam = await open();
    const { store } = exam;
    const line: Line = {
      measurement: name,
      tags: Object.fromEntries([[name, "v"]]),
      fields: { x_a: 1 },
      time: midnight,
    };
    expect(await store.write([line], signal)).toEqual({ accepted: 1, rejected: [] });
    expect(await store.measurements(signal)).toHaveLength(1);
    expect(await store.fields(name, signal)).toEqual(["x_a"]);
    const query: Query = { ...day, measurement: name, fields: ["x_a"], aggregate: "sum" };
    const where = Object.fromEntries([[name, "v"]]);
    const [series] = await ask(store, { ...query, where, groupBy: [name] });
    expect(Object.values(series?.tags ?? {})).toEqual(["v"]);
    expect(series?.rows[0]?.values).toEqual({ x_a: 1 });
  });

  test.each(hostile)("a question for the field %j finds nothing", async (field) => {
    await using exam = await open();
    await exam.store.write([power(midnight, { active_power_w: 1 })], signal);
    expect(await ask(exam.store, watts("count", { fields: [field] }))).toEqual([]);
  });

  test(
    "lists measurements and fields in order",
    withStore(open, async (store, { seriesUnknown }) => {
      const other = { ...power(midnight, { reason: "none" }), measurement: "device_event" };
      await store.write([power(midnight, { voltage_v: 1, active_power_w: 1 }), other], signal);
      expect(await store.measurements(signal)).toEqual(["device_event", "rack_power"]);
      expect(await store.fields("rack_power", signal)).toEqual(["active_power_w", "voltage_v"]);
      expect(await store.fields("nothing", signal)).toEqual([]);
      expect(await ask(store, { ...watts("sum"), measurement: "nothing" })).toEqual([]);
      expect((await store.size(signal)).series).toBe(seriesUnknown ? undefined : 2);
    }),
  );
}

/** Giving up, many calls at once, closing. */
export function examLife(open: OpenStore): void {
  test(
    "a call given up ends at once, and the store goes on",
    withStore(open, async (store) => {
      const line = power(midnight, { active_power_w: 1 });
      await store.write([line], signal);
      const gone = AbortSignal.abort();
      const other = power(midnight, { voltage_v: 1 }, { rack: "r9" });
      await expect(store.write([other], gone)).rejects.toMatchObject({ code: "E_STORE_DOWN" });
      const controller = new AbortController();
      const asking = store.query(watts("sum"), controller.signal);
      const writing = store.write([line], controller.signal);
      controller.abort();
      await expect(asking).rejects.toMatchObject({ code: "E_STORE_DOWN" });
      await expect(writing).rejects.toMatchObject({ code: "E_STORE_DOWN" });
      expect(await ask(store, watts("sum"))).toHaveLength(1);
      expect(await store.write([other, line], signal)).toEqual({ accepted: 2, rejected: [] });
      expect(await ask(store, watts("sum", { fields: ["voltage_v"] }))).toHaveLength(1);
    }),
  );

  test(
    "many writes and questions at once",
    withStore(open, async (store) => {
      const writes = Array.from({ length: 40 }, (_, i) =>
        store.write([power(midnight + i, { active_power_w: 1 }, { rack: `r${i % 3}` })], signal),
      );
      const questions = Array.from({ length: 10 }, () => ask(store, watts("count")));
      await Promise.all([...writes, ...questions]);
      expect((await ask(store, watts("count")))[0]?.rows[0]?.counts["active_power_w"]).toBe(40);
    }),
  );

  test(
    "closing twice is closing once; afterwards it refuses",
    withStore(open, async (store) => {
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      const line = power(midnight, { active_power_w: 1 });
      await expect(store.write([line], signal)).rejects.toMatchObject({ code: "E_STORE_DOWN" });
      await expect(ask(store, watts("sum"))).rejects.toMatchObject({ code: "E_STORE_DOWN" });
    }),
  );
}

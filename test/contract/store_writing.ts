/** The store exam, part one: what is taken, what is refused. */
import { expect, test } from "vitest";
import type { Line } from "../../telemetry/index.ts";
import { ask, day, midnight, place, power, signal, watts, withStore } from "./store_lines.ts";
import type { OpenStore } from "./store_lines.ts";

/** Writing: types, repetition, merging, size. */
export function examWriting(open: OpenStore): void {
  test(
    "gives back every type of value",
    withStore(open, async (store) => {
      const line = power(midnight, { active_power_w: -1.5e-7, energy_wh_total: 9_007_199_254_740 });
      const event: Line = {
        measurement: "device_event",
        tags: place,
        fields: { link_state: 1, reason: 'say "a\\b"\nand 12', x_note: "12", x_level: 3 },
        time: midnight,
      };
      expect(await store.write([line, event], signal)).toEqual({ accepted: 2, rejected: [] });
      expect(await ask(store, watts("last", { fields: Object.keys(line.fields) }))).toEqual([
        { tags: {}, rows: [{ time: midnight, values: line.fields, counts: ones(line.fields) }] },
      ]);
      const fields = ["link_state", "reason", "x_note", "x_level"];
      const answer = await ask(store, {
        ...day,
        measurement: "device_event",
        fields,
        aggregate: "last",
      });
      const values = { ...event.fields, reason: 'say "a\\b" and 12' };
      expect(answer).toEqual([
        { tags: {}, rows: [{ time: midnight, values, counts: ones(values) }] },
      ]);
    }),
  );

  test(
    "writing the same line again changes nothing",
    withStore(open, async (store) => {
      const lines = [
        power(midnight, { active_power_w: 5 }),
        power(midnight, { active_power_w: 5 }),
      ];
      await store.write(lines, signal);
      await store.write(lines, signal);
      expect((await ask(store, watts("count")))[0]?.rows[0]?.counts["active_power_w"]).toBe(1);
    }),
  );

  test(
    "a second write of a row merges fields, and the new value wins",
    withStore(open, async (store) => {
      await store.write([power(midnight, { active_power_w: 5, voltage_v: 230 })], signal);
      await store.write([power(midnight, { active_power_w: 6, current_a: 2 })], signal);
      const fields = ["active_power_w", "voltage_v", "current_a"];
      const [series] = await ask(store, watts("sum", { fields }));
      expect(series?.rows[0]?.values).toEqual({ active_power_w: 6, voltage_v: 230, current_a: 2 });
    }),
  );

  test(
    "takes 5,000 lines at once",
    withStore(open, async (store) => {
      const lines = Array.from({ length: 5000 }, (_, i) =>
        power(midnight + i, { active_power_w: i, voltage_v: 230, q: 0 }, { rack: `r${i % 7}` }),
      );
      expect((await store.write(lines, signal)).accepted).toBe(5000);
      const [series] = await ask(store, watts("sum"));
      expect(series?.rows[0]).toEqual({
        time: day.from,
        values: { active_power_w: (4999 * 5000) / 2 },
        counts: { active_power_w: 5000 },
      });
    }),
  );

  test(
    "takes the first and a late millisecond",
    withStore(open, async (store) => {
      const late = Date.UTC(2099, 11, 31);
      const lines = [power(1, { active_power_w: 1 }), power(late, { active_power_w: 2 })];
      expect((await store.write(lines, signal)).accepted).toBe(2);
      const [series] = await ask(store, watts("sum", { from: 0, to: late + 1 }));
      expect(series?.rows).toEqual([
        { time: 0, values: { active_power_w: 3 }, counts: { active_power_w: 2 } },
      ]);
    }),
  );

  test(
    "takes no lines, and an empty store answers nothing",
    withStore(open, async (store) => {
      expect(await store.write([], signal)).toEqual({ accepted: 0, rejected: [] });
      expect(await ask(store, watts("mean"))).toEqual([]);
      expect(await store.measurements(signal)).toEqual([]);
    }),
  );
}

/** Refusing: one line, whole and alone. */
export function examRefusing(open: OpenStore): void {
  const good = power(midnight, { active_power_w: 1 });
  const refused: readonly (readonly [what: string, line: Line])[] = [
    ["a fraction in a whole-number field", power(midnight, { energy_wh_total: 1.5 })],
    ["a text in a number field", power(midnight, { active_power_w: "much" })],
    ["a number in a text field", { ...good, measurement: "device_event", fields: { reason: 1 } }],
    ["a field the register does not know", power(midnight, { colour: 1 })],
    ["no field", power(midnight, {})],
    ["nothing but numbers that are not finite", power(midnight, { active_power_w: Number.NaN })],
    ["a time that is not whole", power(midnight + 0.5, { active_power_w: 1 })],
    ["a time before 1970", power(-1, { active_power_w: 1 })],
    ["a tag called time", power(midnight, { active_power_w: 1 }, { time: "x" })],
    ["a tag without end", power(midnight, { active_power_w: 1 }, { rack: "r".repeat(70_000) })],
    ["a measurement without a name", { ...good, measurement: "", fields: { x_a: 1 } }],
  ];

  test.each(refused)("refuses %s, whole and alone", async (_what, line) => {
    await using exam = await open();
    const { store } = exam;
    const half = { ...line, fields: { ...line.fields, q: 0, x_beside: 1 } };
    const poisoned = Object.keys(line.fields).length === 0 || isNaNOnly(line) ? line : half;
    const result = await store.write([good, poisoned, { ...good, time: midnight + 1 }], signal);
    expect(result.accepted).toBe(2);
    expect(result.rejected).toEqual([{ index: 1, reason: expect.any(String) }]);
    expect((await ask(store, watts("count")))[0]?.rows[0]?.counts["active_power_w"]).toBe(2);
    const beside = await ask(store, { ...watts("count"), fields: ["x_beside"] });
    expect(beside).toEqual([]);
  });

  test(
    "leaves out fields that are not finite, counts them, and keeps the rest of the line",
    withStore(open, async (store) => {
      const line = power(midnight, {
        active_power_w: Number.NaN,
        voltage_v: 230,
        current_a: 1 / 0,
      });
      expect(await store.write([line], signal)).toEqual({
        accepted: 1,
        rejected: [],
        droppedFields: 2,
      });
      const fields = ["active_power_w", "voltage_v", "current_a"];
      const [series] = await ask(store, watts("last", { fields }));
      expect(series?.rows).toEqual([
        { time: midnight, values: { voltage_v: 230 }, counts: { voltage_v: 1 } },
      ]);
    }),
  );

  test(
    "a field keeps the type it had first, in one batch and in the next",
    withStore(open, async (store) => {
      const lines = [
        power(midnight, { x_mode: 1 }),
        power(midnight + 1, { x_mode: "auto", active_power_w: 7 }),
        power(midnight + 2, { x_mode: 2 }),
      ];
      const first = await store.write(lines, signal);
      expect(first.rejected).toEqual([{ index: 1, reason: expect.stringContaining("x_mode") }]);
      const again = await store.write(lines, signal);
      expect(again.rejected.map(({ index }) => index)).toEqual([1]);
      expect(await ask(store, watts("count"))).toEqual([]);
      const [series] = await ask(store, watts("sum", { fields: ["x_mode"] }));
      expect(series?.rows[0]?.values).toEqual({ x_mode: 3 });
    }),
  );
}

function isNaNOnly(line: Line): boolean {
  return Object.values(line.fields).every((value) => Number.isNaN(value));
}

/** One row behind each value. */
function ones(values: object): Record<string, number> {
  return Object.fromEntries(Object.keys(values).map((field) => [field, 1]));
}

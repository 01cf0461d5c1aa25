/** The store exam, part two: windows, aggregates, groups, quality, and random questions. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Aggregate, Query } from "../../store/index.ts";
import { aggregates } from "../../store/index.ts";
import type { Line, Tags } from "../../telemetry/index.ts";
import { ask, day, midnight, minute, power, signal, watts, withStore } from "./store_lines.ts";
import type { OpenStore } from "./store_lines.ts";
import { expectSame, reference } from "./store_reference.ts";

/** Windows and aggregates. */
export function examWindows(open: OpenStore): void {
  const samples = [-2, 0, 1, 2, 5].map((at) =>
    power(midnight + at * minute, { active_power_w: at, voltage_v: at * 10 }),
  );

  test(
    "windows begin at multiples of their length; from counts, to does not; empty ones are left out",
    withStore(open, async (store) => {
      await store.write(samples, signal);
      const query = watts("sum", {
        from: midnight - 2 * minute,
        to: midnight + 5 * minute,
        every: 2 * minute,
      });
      expect(await ask(store, query)).toEqual([
        {
          tags: {},
          rows: [
            {
              time: midnight - 2 * minute,
              values: { active_power_w: -2 },
              counts: { active_power_w: 1 },
            },
            { time: midnight, values: { active_power_w: 1 }, counts: { active_power_w: 2 } },
            {
              time: midnight + 2 * minute,
              values: { active_power_w: 2 },
              counts: { active_power_w: 1 },
            },
          ],
        },
      ]);
      const late = await ask(store, { ...query, from: midnight + 1 });
      expect(late[0]?.rows.map(({ time }) => time)).toEqual([midnight, midnight + 2 * minute]);
    }),
  );

  test(
    "without windows the whole span is one that starts at from",
    withStore(open, async (store) => {
      await store.write(samples, signal);
      const from = midnight - 10 * minute;
      expect(await ask(store, watts("mean", { from, to: midnight + 3 * minute }))).toEqual([
        {
          tags: {},
          rows: [{ time: from, values: { active_power_w: 0.25 }, counts: { active_power_w: 4 } }],
        },
      ]);
    }),
  );

  const expected = { count: 5, sum: 6, min: -2, max: 5, mean: 1.2, first: -2, last: 5 } as const;
  test.each(aggregates)("answers %s", async (aggregate) => {
    await using exam = await open();
    await exam.store.write(samples, signal);
    const [series] = await ask(exam.store, watts(aggregate));
    expect(series?.rows[0]?.values["active_power_w"]).toBeCloseTo(expected[aggregate], 9);
    const ownTimes: Partial<Record<Aggregate, number>> = { first: -2, last: 5 };
    const own = ownTimes[aggregate];
    expect(series?.rows[0]?.time).toBe(own === undefined ? day.from : midnight + own * minute);
  });

  test(
    "when several series have the first or last moment, the greater value answers",
    withStore(open, async (store) => {
      const late = midnight + minute;
      const tied = [3, 9, 4].flatMap((value, i) =>
        [midnight, late].map((time) => {
          const more = { active_power_w: value, x_mode: `m${value}` };
          return power(time, more, { device: `d${i}` });
        }),
      );
      await store.write(tied, signal);
      const fields = ["active_power_w", "x_mode"];
      const values = { active_power_w: 9, x_mode: "m9" };
      const counts = { active_power_w: 6, x_mode: 6 };
      for (const [aggregate, time] of [
        ["first", midnight],
        ["last", late],
      ] as const) {
        const [own] = await ask(store, watts(aggregate, { fields }));
        expect(own?.rows).toEqual([{ time, values, counts }]);
        const [windowed] = await ask(store, watts(aggregate, { fields, every: 10 * minute }));
        expect(windowed?.rows).toEqual([{ time: midnight, values, counts }]);
      }
    }),
  );

  test(
    "first and last of several fields: each its own, with the time of the field named first",
    withStore(open, async (store) => {
      const rows = [
        power(midnight, { voltage_v: 1 }),
        power(midnight + 1, { active_power_w: 2 }),
        power(midnight + 2, { voltage_v: 3 }),
      ];
      await store.write(rows, signal);
      const fields = ["active_power_w", "voltage_v"];
      const first = await ask(store, watts("first", { fields }));
      const values = { active_power_w: 2, voltage_v: 1 };
      const counts = { active_power_w: 1, voltage_v: 2 };
      expect(first[0]?.rows).toEqual([{ time: midnight + 1, values, counts }]);
      const last = await ask(store, watts("last", { fields: ["current_a", "voltage_v"] }));
      expect(last[0]?.rows).toEqual([
        { time: midnight + 2, values: { voltage_v: 3 }, counts: { voltage_v: 2 } },
      ]);
    }),
  );

  test(
    "a text has count, first and last, and no other aggregate",
    withStore(open, async (store) => {
      const texts = ["E_A", "E_B", "E_A"].map((reason, i): Line => {
        return { ...power(midnight + i, { reason }), measurement: "device_event" };
      });
      await store.write(texts, signal);
      const query = { ...day, measurement: "device_event", fields: ["reason"], every: minute };
      for (const [aggregate, value] of [
        ["count", 3],
        ["first", "E_A"],
        ["last", "E_A"],
      ] as const) {
        const [series] = await ask(store, { ...query, aggregate });
        expect(series?.rows).toEqual([
          { time: midnight, values: { reason: value }, counts: { reason: 3 } },
        ]);
      }
      for (const aggregate of ["sum", "min", "max", "mean"] as const) {
        await expect(ask(store, { ...query, aggregate })).rejects.toMatchObject({
          code: "E_QUERY",
        });
      }
    }),
  );

  test(
    "refuses questions that have no answer",
    withStore(open, async (store) => {
      for (const more of [
        { fields: [] },
        { from: 2, to: 1 },
        { every: 0 },
        { every: 1.5 },
        { from: Number.NaN },
        { worstQuality: 0.5 },
      ]) {
        await expect(ask(store, watts("mean", more))).rejects.toMatchObject({ code: "E_QUERY" });
      }
    }),
  );
}

/** Tags and quality. */
export function examGroups(open: OpenStore): void {
  const lines = [
    power(midnight, { active_power_w: 1 }, { feed: "B" }),
    power(midnight, { active_power_w: 2 }, { feed: "A" }),
    power(midnight, { active_power_w: 4 }, { feed: "A", rack: "r2" }),
    power(midnight, { active_power_w: 8 }),
  ];

  test(
    "one series for each combination of tags, in their order; a missing tag is empty",
    withStore(open, async (store) => {
      await store.write(lines, signal);
      const answer = await ask(store, watts("sum", { groupBy: ["feed", "rack"] }));
      expect(answer.map(({ tags, rows }) => [tags, rows[0]?.values["active_power_w"]])).toEqual([
        [{ feed: "", rack: "r1" }, 8],
        [{ feed: "A", rack: "r1" }, 2],
        [{ feed: "A", rack: "r2" }, 4],
        [{ feed: "B", rack: "r1" }, 1],
      ]);
      const unknown = await ask(store, watts("sum", { groupBy: ["nowhere"] }));
      expect(unknown.map(({ tags }) => tags)).toEqual([{ nowhere: "" }]);
    }),
  );

  test(
    "only rows whose tags have the values asked for",
    withStore(open, async (store) => {
      await store.write(lines, signal);
      const sum = async (where: Tags): Promise<unknown> =>
        (await ask(store, watts("sum", { where })))[0]?.rows[0]?.values["active_power_w"];
      expect(await sum({ feed: "A" })).toBe(6);
      expect(await sum({ feed: "A", rack: "r2" })).toBe(4);
      expect(await sum({ feed: "" })).toBe(8);
      expect(await sum({ feed: "C" })).toBeUndefined();
      await store.write([power(midnight + 1, { active_power_w: 1, x_mode: "auto" })], signal);
      expect(await sum({ x_mode: "auto" })).toBeUndefined();
    }),
  );

  test(
    "the worst quality wanted; a row without quality is good",
    withStore(open, async (store) => {
      const rows = [undefined, 0, 1, 2, 4].map((q, i) =>
        power(midnight + i, { active_power_w: 1, ...(q === undefined ? {} : { q }) }),
      );
      await store.write(rows, signal);
      const counted = async (worstQuality: number | undefined): Promise<unknown> =>
        (await ask(store, watts("count", { worstQuality })))[0]?.rows[0]?.counts["active_power_w"];
      expect(await Promise.all([undefined, 0, 1, 2, 3, 4].map(counted))).toEqual([
        5, 2, 3, 4, 4, 5,
      ]);
      await store.write([power(midnight + 4, { q: 0 })], signal);
      expect(await counted(0)).toBe(3);
      const [quality] = await ask(store, watts("count", { fields: ["q"] }));
      expect(quality?.rows[0]?.counts).toEqual({ q: 4 });
    }),
  );
}

const numbers = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
);

const randomRow = fc.record({
  rack: fc.constantFrom("", "r1", "r2"),
  device: fc.constantFrom("d1", "d2"),
  time: fc.oneof(
    fc.constantFrom(midnight - 1, midnight, midnight + 1),
    fc.integer({ min: midnight - 20, max: midnight + 20 }),
    fc.integer({ min: -3000, max: 3000 }).map((at) => midnight + at * minute),
  ),
  fields: fc.record(
    {
      x_a: numbers,
      x_b_count: fc.integer({ min: -1000, max: 1000 }),
      x_c: numbers,
      q: fc.integer({ min: 0, max: 4 }),
    },
    { requiredKeys: ["x_a"] },
  ),
});

const instant = fc.integer({ min: midnight - 2e8, max: midnight + 2e8 });

const randomQuestion = fc.record({
  fields: fc.uniqueArray(fc.constantFrom("x_a", "x_b_count", "x_c"), { minLength: 1 }),
  aggregate: fc.constantFrom(...aggregates),
  span: fc.tuple(instant, instant).filter(([a, b]) => a !== b),
  every: fc.constantFrom(undefined, 7, 1000, 60_000, 86_400_000, 604_800_000),
  where: fc.constantFrom<Tags | undefined>(undefined, { device: "d1" }, { rack: "" }),
  groupBy: fc.subarray(["device", "rack", "zone"]),
  worstQuality: fc.constantFrom(undefined, 0, 1, 3),
});

/** Random rows and questions against the reference. */
export function examRandom(open: OpenStore): void {
  test(
    "random rows and questions: the answer of the reference",
    withStore(open, async (store) => {
      let run = 0;
      const property = fc.asyncProperty(
        fc.array(randomRow, { minLength: 1, maxLength: 60 }),
        fc.array(randomQuestion, { minLength: 1, maxLength: 8 }),
        async (rows, questions) => {
          run += 1;
          const lines = rows.map(({ rack, device, time, fields }): Line => {
            return { measurement: `exam_${run}`, tags: { rack, device }, fields, time };
          });
          expect((await store.write(lines, signal)).rejected).toEqual([]);
          for (const { span, ...question } of questions) {
            const [from, to] = [Math.min(...span), Math.max(...span)];
            const query: Query = { ...question, measurement: `exam_${run}`, from, to };
            expectSame(await ask(store, query), reference(lines, query));
          }
        },
      );
      await fc.assert(property, { numRuns: 40 });
    }),
    120_000,
  );
}

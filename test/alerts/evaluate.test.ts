/** The pure life of an alert: examples, and properties that hold for whatever is seen. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Change, Life, Observation, Threshold } from "../../alerts/index.ts";
import {
  end,
  freeze,
  maxSeries,
  newborn,
  observe,
  stateOf,
  step,
  thaw,
} from "../../alerts/index.ts";

const above27: Threshold = { side: "above", limit: 27, clear: 26 };
const plain = {
  join: "worst",
  fresh: undefined,
  valueOf: ([value = Number.NaN]: readonly number[]) => value,
} as const;
const rule = { ...plain, threshold: above27, for: 120_000, keep: 60_000 };
const t0 = 1_000_000;

interface Run {
  readonly life: Life;
  readonly changes: readonly Change[];
}

type Judged = Parameters<typeof observe>[0];

function run(of: Judged, seen: readonly Observation[], from: Life = newborn): Run {
  const changes: Change[] = [];
  let life = from;
  for (const observation of seen) {
    const next = observe(of, life, observation);
    if (next === undefined) continue;
    life = next.life;
    if (next.change !== undefined) changes.push(next.change);
  }
  return { life, changes };
}

/** Values 30 s apart, of one series. */
function every30s(values: readonly number[]): Observation[] {
  return values.map((value, i) => ({ series: "", time: t0 + i * 30_000, values: [value] }));
}

const arrows = ({ changes }: Run): string[] =>
  changes.map(({ from, to, time }) => `${from}->${to} ${(time - t0) / 1000}`);

describe("the life of an alert", () => {
  it("goes from pending to firing after `for`, and resolves after `keep`", () => {
    const seen = every30s([20, 28, 28, 28, 28, 28, 28, 24, 24, 24, 24]);
    expect(arrows(run(rule, seen))).toEqual([
      "inactive->pending 30",
      "pending->firing 150",
      "firing->resolved 270",
    ]);
  });

  it("fires at once without `for` and resolves at once without `keep`", () => {
    const now = { ...rule, for: 0, keep: 0 };
    expect(arrows(run(now, every30s([20, 28, 26.5, 26, 28])))).toEqual([
      "inactive->firing 30",
      "firing->resolved 90",
      "inactive->firing 120",
    ]);
  });

  it("drops a pending alert without a word of resolving", () => {
    expect(arrows(run(rule, every30s([28, 26.5])))).toEqual([
      "inactive->pending 0",
      "pending->inactive 30",
    ]);
  });

  it("works below as it does above", () => {
    const threshold = { side: "below", limit: 10, clear: 12 } as const;
    const low = { ...plain, threshold, for: 0, keep: 0 };
    expect(arrows(run(low, every30s([11, 9, 11, 12])))).toEqual([
      "inactive->firing 30",
      "firing->resolved 90",
    ]);
  });

  it("judges a group of several series by the worst", () => {
    const seen: Observation[] = [
      { series: "a", time: t0, values: [28] },
      { series: "b", time: t0 + 1000, values: [20] },
      { series: "a", time: t0 + 2000, values: [20] },
    ];
    expect(arrows(run({ ...rule, for: 0, keep: 0 }, seen))).toEqual([
      "inactive->firing 0",
      "firing->resolved 2",
    ]);
  });

  it("joins the newest values of its series, those that are fresh, field by field", () => {
    const ratio: Judged = {
      ...rule,
      threshold: { side: "above", limit: 0.8, clear: 0.8 },
      for: 0,
      keep: 0,
      join: "sum",
      fresh: 60_000,
      valueOf: ([used = 0, rated = 0]) => used / rated,
    };
    const seen: Observation[] = [
      { series: "a", time: t0, values: [9, 10] },
      { series: "b", time: t0 + 1000, values: [1, 10] },
      { series: "a", time: t0 + 60_000, values: [9, 10] },
      { series: "a", time: t0 + 61_001, values: [9, 10] },
      { series: "b", time: t0 + 1000, values: [1, 10] },
    ];
    expect(arrows(run(ratio, seen))).toEqual([
      "inactive->firing 0",
      "firing->resolved 1",
      "inactive->firing 61.001",
    ]);
  });

  it("takes what cannot be told for no judgement", () => {
    const never: Judged = { ...rule, for: 0, valueOf: () => Number.NaN };
    expect(run(never, every30s([28, 28])).changes).toEqual([]);
  });

  it("joins a bounded number of series", () => {
    const seen = Array.from({ length: maxSeries + 5 }, (_, i) => ({
      series: String(i),
      time: t0,
      values: [20],
    }));
    expect(run(rule, seen).life.series).toHaveLength(maxSeries);
    expect(observe(rule, run(rule, seen).life, { series: "x", time: t0, values: [1] })).toBe(
      undefined,
    );
  });

  it("stands still while nothing can be known", () => {
    const { life } = run(rule, every30s([28, 28]));
    const frozen = freeze(life, t0 + 40_000);
    expect(frozen.change).toMatchObject({ from: "pending", to: "unknown" });
    expect(freeze(frozen.life, t0 + 50_000)).toEqual({ life: frozen.life });
    // 40 s had passed of 120 s; 600 s of blindness do not count.
    const back = thaw(frozen.life, t0 + 640_000);
    expect(back.change).toMatchObject({ from: "unknown", to: "pending" });
    const early = step(rule, back.life, { broken: true, time: t0 + 719_000 });
    expect(early.change).toBe(undefined);
    const late = step(rule, early.life, { broken: true, time: t0 + 720_000 });
    expect(late.change).toMatchObject({ from: "pending", to: "firing" });
  });

  it("ignores another value of the same moment, and one from before it", () => {
    const { life } = run({ ...rule, for: 0 }, every30s([20]));
    expect(observe(rule, life, { series: "", time: t0, values: [30] })).toBe(undefined);
    expect(observe(rule, life, { series: "", time: t0 - 1, values: [30] })).toBe(undefined);
  });

  it("never runs backwards, whatever the clock outside says", () => {
    const { life } = run({ ...rule, for: 0 }, every30s([20, 28]));
    const [seen, past] = [t0 + 30_000, t0 - 60_000];
    expect(freeze(life, past).change?.time).toBe(seen);
    expect(thaw(freeze(life, seen).life, past).change?.time).toBe(seen);
    expect(end(life, past).change?.time).toBe(seen);
    expect(step(rule, life, { broken: false, time: past }).life.clock).toBe(seen);
  });

  it("says in one change that it was blind and is well", () => {
    const { life } = run({ ...rule, for: 0 }, every30s([28]));
    const frozen = freeze(life, t0 + 1000).life;
    const well = step({ for: 0, keep: 0 }, frozen, { broken: false, time: t0 + 2000 });
    expect(well.change).toEqual({ from: "unknown", to: "resolved", time: t0 + 2000 });
  });

  it("ends from outside", () => {
    expect(end(newborn, t0).change).toBe(undefined);
    const { life } = run({ ...rule, for: 0 }, every30s([28]));
    expect(end(life, t0 + 5).change).toEqual({ from: "firing", to: "resolved", time: t0 + 5 });
  });
});

const values = fc.array(fc.integer({ min: 20, max: 30 }), { maxLength: 60 });
const timings = fc.record({
  join: fc.constant("worst" as const),
  fresh: fc.constantFrom(undefined, 50_000),
  valueOf: fc.constant(plain.valueOf),
  threshold: fc.constant(above27),
  for: fc.constantFrom(0, 30_000, 90_000),
  keep: fc.constantFrom(0, 30_000, 90_000),
});
/** Several series, times in any order, some twice. */
const disordered = fc.array(
  fc.record({
    series: fc.constantFrom("a", "b"),
    time: fc.integer({ min: 0, max: 40 }).map((i) => t0 + i * 10_000),
    values: fc.tuple(fc.integer({ min: 20, max: 30 })),
  }),
  { maxLength: 80 },
);

describe("whatever is seen", () => {
  it("inside the band a state never changes", () => {
    const band = fc.array(fc.double({ min: 26.001, max: 27, noNaN: true }), { maxLength: 50 });
    fc.assert(
      fc.property(timings, band, fc.boolean(), (of, inside, firing) => {
        const start: Life = { ...newborn, phase: firing ? "firing" : "inactive" };
        expect(run(of, every30s(inside), start).changes).toEqual([]);
      }),
    );
  });

  it("an alert fires only after `for` of unbroken trouble, and once", () => {
    fc.assert(
      fc.property(timings, values, (of, seen) => {
        const { changes } = run(of, every30s(seen));
        for (const [i, change] of changes.entries()) {
          if (change.to !== "firing") continue;
          const start = change.time - of.for;
          const during = every30s(seen).filter(({ time }) => time >= start && time <= change.time);
          expect(during.every(({ values: [value = 0] }) => value > above27.limit)).toBe(true);
          const next = changes.slice(i + 1).find(({ to }) => to === "firing" || to === "resolved");
          expect(next?.to ?? "resolved").toBe("resolved");
        }
      }),
    );
  });

  it("changes join: each begins where the last ended", () => {
    fc.assert(
      fc.property(timings, disordered, (of, seen) => {
        const { changes, life } = run(of, seen);
        let state = "inactive";
        let time = 0;
        for (const change of changes) {
          expect(change.from).toBe(state);
          expect(change.time).toBeGreaterThanOrEqual(time);
          state = change.to === "resolved" ? "inactive" : change.to;
          time = change.time;
        }
        expect(stateOf(life)).toBe(state);
      }),
    );
  });

  it("what is late or told twice changes nothing", () => {
    fc.assert(
      fc.property(timings, disordered, (of, seen) => {
        const once = run(of, seen);
        expect(
          run(
            of,
            seen.flatMap((one) => [one, one]),
          ),
        ).toEqual(once);
        expect(run(of, seen, once.life).changes).toEqual([]);
      }),
    );
  });

  it("the same input gives the same changes, also over a restart", () => {
    fc.assert(
      fc.property(timings, disordered, fc.nat(80), (of, seen, cut) => {
        const whole = run(of, seen);
        expect(run(of, seen)).toEqual(whole);
        const first = run(of, seen.slice(0, cut));
        const kept: Life = JSON.parse(JSON.stringify(first.life));
        const second = run(of, seen.slice(cut), kept);
        expect([...first.changes, ...second.changes]).toEqual(whole.changes);
        expect(second.life).toEqual(whole.life);
      }),
    );
  });
});

/** What is left of each element, now and in failures, on made days of measurement. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Capacity, ElementCapacity, Measured, MeterSamples } from "../../../alerts/index.ts";
import { capacityOf, fitsOf } from "../../../alerts/index.ts";
import { topologyOf } from "../../../config/index.ts";
import { metersNamed, randomOptions, siteOf } from "../../config/topology/sites.ts";
import { daysFrame, measuredOf, samplesOf, wattMeter } from "./rig.ts";

const room = `
redundancy: 2N
feeds: [A, B]
rooms: { hall: { power: 9kW } }
racks:
  r01: { room: hall, power: 6kW, units: 42 }
  r02: { room: hall, power: 9kW }
equipment:
  grid: { kind: source, apparent: 100kVA }
  ups-a: { kind: ups, feed: A, fedBy: grid, apparent: 7kVA, meters: m-ua }
  ups-b: { kind: ups, feed: B, fedBy: grid, apparent: 20kVA, meters: m-ub }
  cb-1a: { kind: breaker, fedBy: ups-a, current: 16A }
  cb-1b: { kind: breaker, fedBy: ups-b, current: 16A }
  cb-2a: { kind: breaker, fedBy: ups-a, current: 16A }
  cb-2b: { kind: breaker, fedBy: ups-b, current: 16A }
  pdu-1a: { kind: pdu, rack: r01, fedBy: cb-1a, meters: m-1a }
  pdu-1b: { kind: pdu, rack: r01, fedBy: cb-1b, meters: m-1b }
  pdu-2a: { kind: pdu, rack: r02, fedBy: cb-2a, meters: m-2a }
  pdu-2b: { kind: pdu, rack: r02, fedBy: cb-2b, meters: m-2b }
`;
const site = siteOf(room, metersNamed("m-ua", "m-ub", "m-1a", "m-1b", "m-2a", "m-2b"));
const loads = {
  "ups-a": 3500,
  "ups-b": 4500,
  "pdu-1a": 1000,
  "pdu-1b": 2000,
  "pdu-2a": 2400,
  "pdu-2b": 2400,
};

function at(capacity: Capacity, id: string): ElementCapacity {
  const found = capacity.elements.find(({ element }) => element.id === id);
  if (found === undefined) throw new Error(`no ${id}`);
  return found;
}

describe("capacity", () => {
  const capacity = capacityOf(site, measuredOf(loads));

  test("of a rack is the sum of its two PDUs, of a room that of its racks", () => {
    expect(at(capacity, "r01").usage.watts.p95).toBe(3000);
    expect(at(capacity, "r01").headroom).toBe(3000);
    expect(at(capacity, "hall").usage.watts.p95).toBe(7800);
    expect(at(capacity, "hall").headroom).toBe(1200);
  });

  test("of a breaker is that of its phases, derated", () => {
    const { use, headroom } = at(capacity, "cb-2a");
    expect(use?.limit).toBeCloseTo(12.8);
    expect(use?.used).toBeCloseTo(2400 / 690);
    expect(headroom).toBeCloseTo(12.8 * 690 - 2400);
  });

  test("of feeds is that of what they begin with", () => {
    expect(capacity.feeds).toEqual([
      { feed: "A", begins: ["ups-a"], used: 3500, headroom: 3500 },
      { feed: "B", begins: ["ups-b"], used: 4500, headroom: 15_500 },
    ]);
  });

  test("in a failure moves what was measured, not half of the nameplate", () => {
    // With B gone, A carries 3 kW + 4.8 kW of 7 kVA; the breaker of r01 carries 3 kW.
    const ups = at(capacity, "ups-a").failover;
    expect(ups?.failure.name).toBe("B");
    expect(ups?.use.used).toBeCloseTo(7800);
    expect(ups?.headroom).toBeCloseTo(-800);
    expect(at(capacity, "cb-1a").failover?.use.used).toBeCloseTo(3000 / 690);
    // What b carries beside its racks stays on it: 7.8 kW are more than 4.5 kW.
    expect(at(capacity, "ups-b").failover?.use.used).toBeCloseTo(7800);
  });

  test("in a failure that nobody counts on says so, behind one that somebody does", () => {
    const meters = metersNamed("m-ua", "m-ub", "m-1a", "m-1b", "m-2a", "m-2b");
    const without = siteOf(room.replace("redundancy: 2N", "redundancy: N"), meters);
    const told = capacityOf(without, measuredOf(loads));
    expect(at(told, "ups-a").failover).toMatchObject({ asked: false });
    expect(at(told, "r01").room?.by?.failure).toBeUndefined();
    const some = siteOf(room.replace("redundancy: 2N", "redundancy: N+1"), meters);
    expect(at(capacityOf(some, measuredOf(loads)), "ups-a").failover).toMatchObject({
      asked: true,
      failure: { kind: "ups", name: "ups-b" },
    });
  });

  test("of a rack on the way of power is what the tightest leaves, and names it", () => {
    const { room } = at(capacity, "r01");
    expect(room?.watts).toBe(0);
    expect(room?.by?.element).toBe("ups-a");
    expect(room?.by?.failure?.name).toBe("B");
  });

  test("is stranded where breakers or racks cannot take it", () => {
    // Racks take 3 kW and 4.2 kW more, ups-b could give 15.5 kW.
    expect(at(capacity, "ups-b").stranded).toBeCloseTo(15_500 - 7200);
    expect(at(capacity, "ups-a").stranded).toBe(0);
  });
});

describe("too few rows", () => {
  test("never look like nothing", () => {
    const frame = daysFrame(2);
    const begin = frame.to - 5 * frame.every;
    const { meters, ...rest } = measuredOf(loads, frame);
    const late = samplesOf(frame, (time) => (time < begin ? Number.NaN : 1000));
    const measured: Measured = { ...rest, meters: new Map(meters).set("pdu-1a", wattMeter(late)) };
    const rack = at(capacityOf(site, measured), "r01");
    expect(rack.usage.watts).toEqual({
      now: 3000,
      p95: undefined,
      peak: undefined,
      coverage: 5 / 48,
    });
    expect(rack.headroom).toBeUndefined();
    expect(rack.forecast).toBeUndefined();
  });

  test("of a silent meter name it, and count the rack as on paper in failures", () => {
    const { meters, ...rest } = measuredOf(loads);
    const less = new Map(meters);
    less.delete("pdu-1a");
    const capacity = capacityOf(site, { ...rest, meters: less });
    expect(at(capacity, "r01").usage.missing).toEqual(["pdu-1a"]);
    expect(at(capacity, "r01").usage.watts.now).toBeUndefined();
    expect(at(capacity, "hall").headroom).toBeUndefined();
    expect(capacity.consumers.onPaper).toEqual(["r01"]);
    expect(at(capacity, "ups-a").failover?.use.used).toBeCloseTo(6000 + 4800);
  });
});

describe("meters", () => {
  const frame = daysFrame(1);
  const flat = (value: number): Float64Array => samplesOf(frame, () => value);
  const one = (id: string, meter: MeterSamples): ElementCapacity => {
    const { meters, ...rest } = measuredOf(loads);
    return at(capacityOf(site, { ...rest, meters: new Map(meters).set(id, meter) }), id);
  };

  test("of amperes count with their voltage and power factor", () => {
    const { usage } = one("pdu-1a", {
      series: [{ unit: "A", values: flat(10), voltage: flat(240), powerFactor: flat(0.9) }],
      phases: {},
    });
    expect(usage.voltAmperes.p95).toBe(2400);
    expect(usage.watts.p95).toBe(2160);
    expect(usage.assumed).toEqual(["pdu-1a: its phases share the load evenly"]);
  });

  test("of amperes alone say what they assume", () => {
    const { usage } = one("pdu-1a", { series: [{ unit: "A", values: flat(10) }], phases: {} });
    expect(usage.voltAmperes.p95).toBe(2300);
    expect(usage.assumed).toContain("pdu-1a: 230 V");
    expect(usage.assumed).toContain("pdu-1a: power factor 1");
  });

  test("of volt-amperes and watts take the larger against a rating in kVA", () => {
    const { use } = one("ups-a", wattMeter(flat(3500), { apparent: flat(5000) }));
    expect(use).toMatchObject({ unit: "VA", used: 5000, limit: 7000 });
  });

  test("that leave out what stands beside their power are not silent for it", () => {
    const gap = flat(Number.NaN);
    const { usage, headroom } = one("ups-a", wattMeter(flat(3500), { apparent: gap }));
    expect(usage.voltAmperes.p95).toBe(3500);
    expect(headroom).toBe(3500);
  });

  test("with phases tell how unlike they are, and the fullest one limits", () => {
    const phases = { L1: flat(12), L2: flat(4), L3: flat(8) };
    const meter = { ...wattMeter(flat(5520)), phases };
    const { imbalance, use } = one("ups-a", meter);
    expect(imbalance).toBeCloseTo(0.5);
    expect(use?.unit).toBe("VA");
    const { meters, ...rest } = measuredOf(loads);
    const by = capacityOf(site, { ...rest, meters: new Map(meters).set("pdu-1a", meter) });
    expect(at(by, "cb-1a").use).toMatchObject({ unit: "A", phase: "L1", used: 12 });
  });
});

describe("fit", () => {
  const wide = siteOf(
    room.replace("hall: { power: 9kW", "hall: { power: 40kW").replace("7kVA", "20kVA"),
    metersNamed("m-ua", "m-ub", "m-1a", "m-1b", "m-2a", "m-2b"),
  );
  const { cases } = capacityOf(wide, measuredOf(loads));
  const wish = { power: 700, count: 14, units: undefined, redundant: false, rack: undefined };

  test("says how many each rack takes, and what stops more", () => {
    const [first, second] = fitsOf(wide, cases, wish);
    // r01: its 6 kW leave 3 kW; r02: with one breaker gone the other carries 8.83 kW, less 4.8.
    expect(second).toMatchObject({ rack: "r01", takes: 4 });
    expect(second?.room.by).toMatchObject({ element: "r01", unit: "W" });
    expect(first).toMatchObject({ rack: "r02", takes: 5 });
    expect(first?.room.watts).toBeCloseTo(12.8 * 690 - 4800);
    expect(first?.room.by?.element).toMatch(/^cb-2/);
    expect(first?.room.by?.failure?.kind).toBe("feed");
  });

  test("looks at height where it is asked to", () => {
    const [only] = fitsOf(wide, cases, { ...wish, units: 20, rack: "r01" });
    expect(only).toMatchObject({ takes: 2, unitsLeft: 42 });
  });

  test("of what fits is confirmed by the flow with it in place", () => {
    const added = fc.integer({ min: 0, max: 4000 });
    fc.assert(
      fc.property(added, added, (one, other) => {
        const before = { ...loads, "pdu-1a": one / 2, "pdu-1b": one / 2, "pdu-2b": other };
        const measured = measuredOf({ ...before, "ups-a": 0, "ups-b": 0 });
        const capacity = capacityOf(wide, measured);
        const rack = at(capacity, "r01");
        const more = rack.room?.watts ?? 0;
        const half = one / 2 + more / 2;
        const filled = { ...before, "pdu-1a": half, "pdu-1b": half, "ups-a": 0, "ups-b": 0 };
        const after = capacityOf(wide, measuredOf(filled));
        const full = after.elements.map(({ failover }) => failover?.headroom ?? 0);
        const start = capacity.elements.map(({ failover }) => failover?.headroom ?? 0);
        for (const [index, left] of full.entries()) {
          expect(left).toBeGreaterThanOrEqual(Math.min(0, start[index] ?? 0) - 1e-6);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe("of any site", () => {
  test("no watt counts twice, and no headroom is above its rating", () => {
    const watts = fc.array(fc.integer({ min: 0, max: 30_000 }), { minLength: 30, maxLength: 30 });
    fc.assert(
      fc.property(randomOptions, watts, ({ options, devices }, values) => {
        const topology = topologyOf(options, { name: "site", devices });
        const metered = [...topology.elements.values()].filter(({ meters }) => meters.length > 0);
        const loads = Object.fromEntries(metered.map(({ id }, n) => [id, values[n] ?? 0]));
        const capacity = capacityOf(topology, measuredOf(loads, daysFrame(1)));
        for (const { element, usage, use, headroom } of capacity.elements) {
          expect(new Set(usage.by).size).toBe(usage.by.length);
          if (usage.missing.length > 0) {
            expect(usage.watts.p95).toBeUndefined();
            expect(headroom).toBeUndefined();
          } else {
            const sum = usage.by.reduce((all, id) => all + (loads[id] ?? 0), 0);
            expect(usage.watts.p95 ?? 0).toBeCloseTo(sum, 6);
          }
          if (use !== undefined) expect(use.limit).toBeLessThanOrEqual(use.rated);
          if (use !== undefined) expect(use.limit - use.used).toBeLessThanOrEqual(use.rated);
          if (element.kind === "rack" && usage.watts.p95 !== undefined) {
            const inside = topology.inside(element.id).filter(({ kind }) => kind === "load");
            const parts = [element, ...inside].map(({ id }) => capacity.consumers.powers.get(id));
            const all = parts.reduce((total, one) => total + (one?.watts ?? 0), 0);
            const own = inside.every(({ meters }) => meters.length > 0);
            if (!own) expect(all).toBeGreaterThanOrEqual(usage.watts.p95 - 1e-6);
          }
        }
      }),
    );
  });
});

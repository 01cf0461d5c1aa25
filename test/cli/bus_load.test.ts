/** How busy buses are: rates that fall together, verdicts, unit loads. */
import { describe, expect, test } from "vitest";
import type { LoadedDevice } from "../../cli/bus-load.ts";
import { busLoads, trouble } from "../../cli/bus-load.ts";
import type { Session } from "../../drivers/index.ts";

/** A session whose groups take so long each; reading several at once saves what is `shared`. */
function sessionOf(
  times: Readonly<Record<string, { readonly every?: number; readonly ms: number }>>,
  { shared = 0, unitLoad }: { readonly shared?: number; readonly unitLoad?: number } = {},
): Session {
  return {
    groups: Object.entries(times).map(([name, { every }]) => ({ name, every })),
    read: () => Promise.resolve({ points: [], faults: [] }),
    plan: (groups) => ({
      unitLoad,
      requests: groups.map((name, index) => {
        const ms = (times[name]?.ms ?? 0) - (index > 0 ? shared : 0);
        return { at: name, reads: 1, wanted: 1, ms, parts: { bytes: ms } };
      }),
    }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const deviceOf = (session: Session, interval = 1000, id = "a"): LoadedDevice => {
  return { id, busKey: "bus", session, interval };
};

describe("the load of a bus", () => {
  test("is what each device takes of each of its intervals", () => {
    const [bus] = busLoads([
      deviceOf(sessionOf({ default: { ms: 100 } }), 1000),
      deviceOf(sessionOf({ default: { ms: 300 } }), 2000, "b"),
    ]);
    expect(bus?.load).toBeCloseTo(0.25);
    expect(bus?.verdict).toBe("ok");
    expect(bus?.rates).toEqual([
      { every: 1000, devices: 1, requests: 1, cycle: 100, share: 0.1 },
      { every: 2000, devices: 1, requests: 1, cycle: 300, share: 0.15 },
    ]);
  });

  test("counts what is read at once only for what it adds", () => {
    const groups = { default: { ms: 100 }, slow: { every: 10_000, ms: 80 } };
    const [bus] = busLoads([deviceOf(sessionOf(groups, { shared: 30 }))]);
    expect(bus?.devices[0]?.beats).toMatchObject([
      { every: 1000, ms: 100, adds: 100 },
      { every: 10_000, ms: 150, adds: 50 },
    ]);
    expect(bus?.load).toBeCloseTo(0.105);
  });

  test("has a group whose pace is no multiple of the interval read by itself", () => {
    const groups = { default: { ms: 100 }, odd: { every: 1500, ms: 60 } };
    const [bus] = busLoads([deviceOf(sessionOf(groups))]);
    expect(bus?.devices[0]?.beats).toMatchObject([
      { every: 1000, ms: 100 },
      { every: 1500, ms: 60, adds: 60 },
    ]);
  });

  test("a group is never read more often than its device", () => {
    const [bus] = busLoads([deviceOf(sessionOf({ quick: { every: 100, ms: 50 } }), 1000)]);
    expect(bus?.load).toBeCloseTo(0.05);
  });

  test("leaves out devices whose driver has no plan", () => {
    const { plan: _plan, ...session } = sessionOf({ default: { ms: 1 } });
    expect(busLoads([deviceOf(session)])).toEqual([]);
  });
});

describe("the verdict", () => {
  test.each([
    [790, "ok", undefined],
    [810, "tight", "is tight: 81.0 % of its time"],
    [1010, "overbooked", "is overbooked: 101.0 % of its time"],
  ])("%i ms of a second: %s", (ms, verdict, why) => {
    const [bus] = busLoads([deviceOf(sessionOf({ default: { ms } }))]);
    expect(bus?.verdict).toBe(verdict);
    expect(bus && trouble(bus)).toBe(why);
  });

  test("is tight when beats are left out although there is time", () => {
    const groups = { default: { ms: 100 }, slow: { every: 60_000, ms: 2000 } };
    const [bus] = busLoads([deviceOf(sessionOf(groups))]);
    expect([bus?.late, bus?.verdict]).toEqual([true, "tight"]);
    expect(bus && trouble(bus)).toBe("falls behind when slow groups are due");
  });

  test("a wire drives 32 unit loads [TIA-485-A]", () => {
    const quick = { default: { ms: 1 } };
    const many = (unitLoad: number, count: number): LoadedDevice[] =>
      Array.from({ length: count }, (_, unit) => {
        return deviceOf(sessionOf(quick, { unitLoad }), 1000, `d${unit}`);
      });
    const [full] = busLoads(many(1, 32));
    const [over] = busLoads(many(1, 33));
    const [light] = busLoads(many(0.125, 100));
    expect([full, over, light].map((bus) => bus?.unitLoads)).toEqual([32, 33, 12.5]);
    const said = [full, over, light].map((bus) => bus && trouble(bus));
    expect(said).toEqual([undefined, "has 33 unit loads of 32", undefined]);
  });
});

/** Root causes as a pure function, and rules that inhibit others. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Firing } from "../../../alerts/index.ts";
import { causesOf } from "../../../alerts/index.ts";
import { Power } from "../../../alerts/life/power.ts";
import { topologyOf, topologyOptions, validate, YamlFile } from "../../../config/index.ts";

const site = { region: "local", org: "main", site: "hall" };

function firing(device: string, more: Partial<Firing> = {}): Firing {
  const own = {
    rule: "r",
    severity: "warning",
    place: {},
    tags: {},
    since: 0,
    through: [],
  } as const;
  const influence = { inhibits: [], near: "device", failure: false } as const;
  const said = { device: `local/main/hall/${device}`, silent: false, common: false };
  return { ...own, ...influence, ...said, dead: undefined, ...more };
}

/** A device that says nothing, read through a line and an agent. */
function silence(device: string, more: Partial<Firing> = {}): Firing {
  const dead = `local/main/hall/${device}`;
  const through = ["local/main/hall/edge a", "local/main/hall/edge"];
  return firing(device, { silent: true, dead, through, ...more });
}

const power = new Power(
  topologyOf(
    validate(
      topologyOptions,
      new YamlFile(
        "topology.yaml",
        `
equipment:
  grid: { kind: source, meters: grid-meter, feeds: [ups-a, ups-b] }
  ups-a: { kind: ups, meters: ups-a }
  ups-b: { kind: ups, meters: ups-b }
  pdu-a: { kind: pdu, rack: r1, fedBy: ups-a, meters: pdu-a }
  pdu-b: { kind: pdu, rack: r1, fedBy: ups-b, meters: pdu-b }
  pump: { kind: load, fedBy: ups-a, meters: pump }
racks: { r1: {}, r2: { fedBy: ups-a } }
`,
      ),
    ),
    {
      name: "hall",
      devices: [
        { id: "inlet-1", rack: "r1" },
        { id: "inlet-2", rack: "r2" },
        ...["grid-meter", "ups-a", "ups-b", "pdu-a", "pdu-b", "pump"].map((id) => ({ id })),
      ],
    },
  ),
  site,
);

function names(alerts: readonly Firing[], by?: Power): Record<string, string> {
  const last = (device: string): string => device.slice(device.lastIndexOf("/") + 1);
  return Object.fromEntries(
    [...causesOf(alerts, by)].map(([one, cause]) => [last(one.device), last(cause.device)]),
  );
}

describe("failed equipment", () => {
  it("is the cause of what it alone feeds", () => {
    const others = ["pdu-a", "pump", "inlet-2", "inlet-1", "pdu-b"].map((one) => firing(one));
    const failed = firing("ups-a", { failure: true, rule: "ups-off" });
    expect(names([...others, failed], power)).toEqual({
      "pdu-a": "ups-a",
      pump: "ups-a",
      "inlet-2": "ups-a",
    });
    const both = firing("ups-b", { failure: true, since: 1 });
    expect(names([...others, failed, both], power)).toMatchObject({
      "inlet-1": "ups-a",
      "pdu-b": "ups-b",
    });
  });

  it("explains what a UPS says, which goes on without its feed", () => {
    const grid = firing("grid-meter", { failure: true });
    const others = [firing("ups-a"), firing("pdu-a"), firing("inlet-2")];
    expect(names([grid, ...others], power)).toEqual({ "ups-a": "grid-meter" });
  });

  it("that follows from another failure is no root", () => {
    const grid = firing("grid-meter", { failure: true });
    const ups = firing("ups-a", { failure: true });
    expect(names([ups, grid, firing("pump")], power)).toEqual({
      "ups-a": "grid-meter",
      pump: "grid-meter",
    });
  });

  it("never hides what is worse than it", () => {
    const failed = firing("ups-a", { failure: true, severity: "warning" });
    expect(names([failed, firing("pump", { severity: "critical" })], power)).toEqual({});
  });
});

describe("silence", () => {
  it("has the line as its cause, and the line its agent", () => {
    const line = silence("edge", {
      common: true,
      rule: "common-cause",
      dead: "local/main/hall/edge a",
      through: ["local/main/hall/edge"],
    });
    const agent = silence("edge", { rule: "agent-silent", through: [] });
    const meters = ["m1", "m2"].map((one) => silence(one));
    expect(names([...meters, line])).toEqual({ m1: "edge", m2: "edge" });
    const roots = causesOf([...meters, line, agent]);
    expect([...roots.values()].every((root) => root === agent)).toBe(true);
    expect(roots.size).toBe(3);
  });

  it("of one device in two measurements is one", () => {
    const first = silence("m1", { rule: "b" });
    const second = silence("m1", { rule: "a", since: 1 });
    expect([...causesOf([second, first])]).toEqual([[second, first]]);
  });

  it("has nothing to do with values of the same line", () => {
    expect(names([silence("edge", { through: [] }), firing("m1")])).toEqual({});
  });
});

describe("a rule that inhibits another", () => {
  const critical = { rule: "hot", severity: "critical", inhibits: ["warm"] } as const;

  it("does so for the same device and channel", () => {
    const inlet = firing("a", { ...critical, tags: { sensor: "inlet" } });
    const same = firing("a", { rule: "warm", tags: { sensor: "inlet" } });
    const other = firing("a", { rule: "warm", tags: { sensor: "outlet" } });
    const elsewhere = firing("b", { rule: "warm", tags: { sensor: "inlet" } });
    expect([...causesOf([other, elsewhere, same, inlet])]).toEqual([[same, inlet]]);
  });

  it.each([
    ["rack", { rack: "r1" }, true],
    ["rack", { rack: "r2" }, false],
    ["rack", {}, false],
    ["zone", { zone: "h1" }, true],
    ["site", {}, true],
  ] as const)("does so within a %s of %o: %s", (near, place, does) => {
    const one = firing("a", { ...critical, near, place: { rack: "r1", zone: "h1" } });
    const other = firing("b", { rule: "warm", place });
    expect(causesOf([one, other]).has(other)).toBe(does);
  });

  it("may itself be one that is inhibited, but not in a circle", () => {
    const a = firing("a", { rule: "a", inhibits: ["b"] });
    const b = firing("a", { rule: "b", inhibits: ["c", "a"] });
    const c = firing("a", { rule: "c" });
    expect([...causesOf([c, b, a])]).toEqual([
      [a, b],
      [c, b],
    ]);
  });
});

const anyFiring: fc.Arbitrary<Firing> = fc
  .record({
    device: fc.constantFrom("a", "b", "edge", "ups-a", "pdu-a", "grid-meter", "inlet-1"),
    rule: fc.constantFrom("r", "s", "t"),
    severity: fc.constantFrom("info", "warning", "critical"),
    since: fc.nat(3),
    silent: fc.boolean(),
    common: fc.boolean(),
    failure: fc.boolean(),
    inhibits: fc.subarray(["r", "s", "t"]),
    near: fc.constantFrom("device", "rack", "zone", "site"),
    place: fc.constantFrom({}, { rack: "r1" }),
    tags: fc.constantFrom({}, { sensor: "x" }, { sensor: "y" }),
  })
  .map(({ device, silent, ...more }) =>
    silent ? silence(device, { ...more, inhibits: [] }) : firing(device, more),
  );

it("a root has no cause, and what is worse than its cause was inhibited by name", () => {
  const levels = ["info", "warning", "critical"];
  fc.assert(
    fc.property(fc.array(anyFiring, { maxLength: 12 }), (alerts) => {
      const causes = causesOf(alerts, power);
      for (const [alert, root] of causes) {
        expect(alert).not.toBe(root);
        expect(causes.has(root)).toBe(false);
        expect(alerts).toContain(root);
        const worse = levels.indexOf(alert.severity) > levels.indexOf(root.severity);
        const named = alerts.some(({ inhibits }) => inhibits.includes(alert.rule));
        const chained = alerts.some(({ inhibits }) => inhibits.length > 0);
        if (worse) expect(named || chained).toBe(true);
      }
    }),
  );
});

it("the order of the alerts says nothing", () => {
  const distinct = fc.uniqueArray(anyFiring, {
    maxLength: 10,
    selector: ({ rule, device, tags, common }) => JSON.stringify([rule, device, tags, common]),
  });
  const shuffled = distinct.chain((alerts) =>
    fc.tuple(
      fc.constant(alerts),
      fc.shuffledSubarray(alerts, { minLength: alerts.length, maxLength: alerts.length }),
    ),
  );
  fc.assert(
    fc.property(shuffled, ([alerts, others]) => {
      const one = causesOf(alerts, power);
      const other = causesOf(others, power);
      for (const alert of alerts) expect(other.get(alert)).toBe(one.get(alert));
    }),
  );
});

/** What is found on paper, each against sums done by hand. */
import { describe, expect, test } from "vitest";
import { measuredPower, paperFindings, paperFlow, seriesName } from "../../../config/index.ts";
import { findingsOf, metersNamed, siteOf } from "./sites.ts";

const twoFeeds = (extra = "", redundancy = "2N"): string => `
redundancy: ${redundancy}
feeds: [A, B]
racks:
  r1: { power: 6kW, fedBy: [pdu-a, pdu-b] }
equipment:
  grid: { kind: source }
  ups-a: { kind: ups, feed: A, fedBy: grid, apparent: 10kVA }
  ups-b: { kind: ups, feed: B, fedBy: grid, apparent: 10kVA }
  pdu-a: { kind: pdu, fedBy: ups-a }
  pdu-b: { kind: pdu, fedBy: ups-b }
${extra}`;

describe("flow on paper", () => {
  test("halves what is fed twice, and gives all to the one that is left", () => {
    const topology = siteOf(twoFeeds());
    const normal = paperFlow(topology);
    expect(normal.of("ups-a").watts).toBe(3000);
    expect(normal.of("grid").watts).toBe(6000);
    const failed = paperFlow(topology, new Set(["ups-a"]));
    expect([failed.of("ups-a").watts, failed.of("ups-b").watts]).toEqual([0, 6000]);
    // 6 kVA over three phases of 230 V.
    expect(failed.of("pdu-b").amperes["L1"]).toBeCloseTo(6000 / 690, 9);
  });

  test("adds loads between two phases as phasors", () => {
    const pair = (id: string, phases: string): string =>
      `  ${id}: { kind: load, fedBy: board, phases: [${phases}], power: 2.08kW }\n`;
    const topology = siteOf(`
voltage: 120V
equipment:
  grid: { kind: source }
  board: { kind: switchboard, fedBy: grid }
${pair("one", "L1, L2")}${pair("two", "L3, L1")}`);
    // I_L1 = √(I12² + I31² + I12·I31): 10 A each make 17.3 A, not 20 A.
    const { amperes } = paperFlow(topology).of("board");
    const each = 2080 / (Math.sqrt(3) * 120);
    expect(amperes.L1).toBeCloseTo(Math.sqrt(3) * each, 6);
    expect(amperes.L2).toBeCloseTo(each, 6);
  });

  test("goes through an ats from the preferred one that is alive", () => {
    const topology = siteOf(`
equipment:
  a: { kind: source }
  b: { kind: source }
  ats: { kind: ats, fedBy: [b, a] }
  load: { kind: load, fedBy: ats, power: 1kW }`);
    expect(paperFlow(topology).of("b").watts).toBe(1000);
    expect(paperFlow(topology, new Set(["b"])).of("a").watts).toBe(1000);
  });
});

describe("findings", () => {
  test("of a sound site are none", () => {
    expect(findingsOf(siteOf(twoFeeds()))).toEqual([]);
  });

  test.each([
    ["unfed", "  lost: { kind: load, power: 1kW }", ["error unfed lost"]],
    [
      "without a source above",
      "  x: { kind: breaker, feed: A }\n  y: { kind: load, fedBy: x, power: 1W, redundancy: N }",
      ["error unfed x", "error unfed y"],
    ],
    ["one-legged", "  x: { kind: load, fedBy: pdu-a, power: 1W }", ["error one-legged x"]],
    ["one-legged by intent", "  x: { kind: load, fedBy: pdu-a, power: 1W, redundancy: N }", []],
    ["idle", "  x: { kind: pdu, fedBy: ups-a }", ["note idle x"]],
    ["without nameplate", "  x: { kind: load, fedBy: [pdu-a, pdu-b] }", ["note no-nameplate x"]],
    [
      "failover",
      "  x: { kind: load, fedBy: [pdu-a, pdu-b], power: 5kW }",
      ["error failover ups-a", "error failover ups-b"],
    ],
    [
      "over-rated",
      "  x: { kind: load, fedBy: ups-a, power: 8kW, redundancy: N }",
      ["error over-rated ups-a"],
    ],
    [
      "derated",
      [
        "  b: { kind: breaker, fedBy: ups-a, current: 3A }",
        "  x: { kind: load, fedBy: b, power: 1.9kW, redundancy: N }",
      ].join("\n"),
      ["warning derated b"],
    ],
    [
      "unbalanced",
      "  x: { kind: load, fedBy: ups-a, phases: L1, power: 1.9kW, redundancy: N }",
      ["warning unbalanced ups-a"],
    ],
    [
      "breaker over cable",
      [
        "  b: { kind: breaker, fedBy: ups-a, current: 63A, cable: 40A, feeds: x }",
        "  x: { kind: load, power: 1W, redundancy: N }",
      ].join("\n"),
      ["error breaker-cable b"],
    ],
    [
      "breaker over load",
      [
        "  b: { kind: breaker, fedBy: ups-a, current: 63A, feeds: p }",
        "  p: { kind: pdu, current: 32A, feeds: x }",
        "  x: { kind: load, power: 1W, redundancy: N }",
      ].join("\n"),
      ["error breaker-load b"],
    ],
    [
      "breaker order",
      [
        "  b: { kind: breaker, fedBy: ups-a, current: 16A, feeds: c }",
        "  c: { kind: breaker, current: 32A, feeds: x }",
        "  x: { kind: load, power: 1W, redundancy: N }",
      ].join("\n"),
      ["warning breaker-order b"],
    ],
    [
      "oversubscribed",
      [
        "  s: { kind: switchboard, fedBy: ups-a, current: 40A, feeds: [b, c] }",
        "  b: { kind: breaker, current: 32A, feeds: x }",
        "  c: { kind: breaker, current: 32A, feeds: x }",
        "  x: { kind: load, power: 1W, redundancy: N }",
      ].join("\n"),
      ["note oversubscribed s"],
    ],
    [
      "voltage",
      "  x: { kind: load, fedBy: [pdu-a, pdu-b], power: 1W, voltage: 120V }",
      ["error voltage x"],
    ],
  ])("%s", (_name, extra, expected) => {
    expect(findingsOf(siteOf(twoFeeds(extra)))).toEqual(expected);
  });

  test("of both legs on one feed say so", () => {
    const [finding] = paperFindings(
      siteOf(
        twoFeeds(
          "  p: { kind: pdu, fedBy: ups-a }\n  x: { kind: load, fedBy: [p, pdu-a], power: 1W }",
        ),
      ),
    );
    expect(finding).toMatchObject({ rule: "one-legged", element: "x" });
    expect(finding?.sentence).toContain("All its legs are on feed A.");
  });

  test("of a site that asks for 2N without feeds", () => {
    const plain =
      "redundancy: 2N\nequipment: { g: { kind: source }, x: { kind: load, power: 1W, fedBy: g } }";
    expect(findingsOf(siteOf(plain))).toEqual(["error no-feeds site"]);
  });

  test("of N+1 ask for any one ups, with what is left", () => {
    const site = (power: string): string => `
redundancy: N+1
equipment:
  grid: { kind: source }
  u1: { kind: ups, fedBy: grid, apparent: 10kVA }
  u2: { kind: ups, fedBy: grid, apparent: 10kVA }
  u3: { kind: ups, fedBy: grid, apparent: 10kVA }
  board: { kind: switchboard, fedBy: [u1, u2, u3] }
  x: { kind: load, fedBy: board, power: ${power} }`;
    expect(findingsOf(siteOf(site("20kW")))).toEqual([]);
    expect(findingsOf(siteOf(site("21kW")))).toEqual([
      "error failover u1",
      "error failover u2",
      "error failover u3",
    ]);
  });

  test("of places: power, cooling and height", () => {
    const site = siteOf(`
rooms: { hall: { power: 5kW, cooling: 4kW } }
racks: { r1: { room: hall, power: 5kW, units: 10 } }
equipment:
  g: { kind: source, feeds: r1 }
  x: { kind: load, rack: r1, power: 3kW, units: 6 }
  y: { kind: load, rack: r1, power: 3kW, units: 6 }`);
    expect(findingsOf(site)).toEqual([
      "error over-cooling hall",
      "error over-height r1",
      "error over-power hall",
      "error over-power r1",
    ]);
  });

  test("of a series that stands for two, unless one leads to the other alone", () => {
    const site = (second: string): string => `
equipment:
  g: { kind: source }
  b: { kind: breaker, fedBy: g, meters: m }
  p: { kind: pdu, fedBy: b${second} }
  q: { kind: pdu, fedBy: g, feeds: x${second === "" ? ", meters: m" : ""} }
  x: { kind: load, fedBy: [p, q], power: 1W }`;
    expect(findingsOf(siteOf(site(""), metersNamed("m")))).toEqual(["error double-counted b"]);
    expect(findingsOf(siteOf(site(", meters: m"), metersNamed("m")))).toEqual([]);
  });
});

describe("measured power", () => {
  const rack = (pdus: readonly string[], more = ""): string => `
racks: { r1: { power: 9kW${more} } }
equipment:
  g: { kind: source, feeds: [c] }
  c: { kind: switchboard }
  a: { kind: pdu, rack: r1, fedBy: c, meters: [${pdus[0] ?? ""}] }
  b: { kind: pdu, rack: r1, fedBy: c, meters: [${pdus[1] ?? ""}] }
  x: { kind: load, rack: r1, power: 1kW, meters: bmc-x }
  y: { kind: load, rack: r1, power: 1kW, meters: bmc-y }`;
  const meters = metersNamed("m-a", "m-b", "m-r", "bmc-x", "bmc-y");
  const of = (yaml: string): unknown => {
    const { basis, by, missing } = measuredPower(siteOf(yaml, meters), "r1");
    return { basis, by, missing };
  };

  test("is the rack's own meter, else its legs, else its loads: never two of them", () => {
    expect(of(rack(["m-a", "m-b"], ", meters: m-r"))).toMatchObject({ basis: "own", by: ["r1"] });
    expect(of(rack(["m-a", "m-b"]))).toMatchObject({ basis: "legs", by: ["a", "b"] });
    expect(of(rack(["m-a"]))).toMatchObject({ basis: "parts", by: ["x", "y"], missing: [] });
  });

  test("of a rack has the loads on its PDUs; not by them when a load hangs elsewhere", () => {
    const own = (fedBy: string): string => `${rack(["m-a", "m-b"])}
  z: { kind: load, rack: r1, power: 1kW, fedBy: ${fedBy} }
  w: { kind: pdu, fedBy: c }`;
    expect(of(own("[a, b]"))).toEqual({ basis: "legs", by: ["a", "b"], missing: [] });
    expect(of(own("[a, w]"))).toEqual({ basis: "parts", by: ["x", "y"], missing: ["z"] });
  });

  test("of what is above counts a rack's load once, though rack and load are both measured", () => {
    const topology = siteOf(
      `
racks: { r1: { fedBy: p, meters: m-r } }
equipment:
  g: { kind: source }
  p: { kind: pdu, fedBy: g }
  x: { kind: load, rack: r1, fedBy: p, meters: bmc-x }
  y: { kind: load, rack: r1, meters: bmc-y }`,
      meters,
    );
    expect(measuredPower(topology, "g").by.toSorted()).toEqual(["x", "y"]);
    expect(measuredPower(topology, "r1").by).toEqual(["r1"]);
  });

  test("of a meter with several ways takes the first, and adds up its channels", () => {
    const offers = [
      { measurement: "rack_phase", channels: ["L1", "L2"], fields: ["active_power_w"] },
      { measurement: "energy_meter", channels: [], fields: ["active_power_w"] },
    ];
    const topology = siteOf(
      `
equipment:
  g: { kind: source, meters: [{ device: d, measurement: rack_phase, channel: [L1, L2] }, d] }`,
      [{ id: "d", offers }],
    );
    expect(measuredPower(topology, "g").series.map(seriesName)).toEqual([
      "d/rack_phase[L1].active_power_w",
      "d/rack_phase[L2].active_power_w",
    ]);
  });

  test("of a place names what nobody measures", () => {
    const topology = siteOf(
      `
rooms: { hall: {} }
racks: { r1: { room: hall, meters: m }, r2: { room: hall } }
equipment: { g: { kind: source, feeds: [r1, r2] } }`,
      metersNamed("m"),
    );
    expect(measuredPower(topology, "hall")).toMatchObject({ by: ["r1"], missing: ["r2"] });
  });
});

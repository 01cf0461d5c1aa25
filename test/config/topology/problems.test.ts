/** Mistakes of a topology: each at its key, with the nearest name. */
import { describe, expect, test } from "vitest";
import { deviceProblems } from "../../../config/index.ts";
import { metersNamed, optionsOf, problemsOf } from "./sites.ts";

const base = `
feeds: [A, B]
rooms: { hall: {} }
rows: { row-a: { room: hall } }
racks: { r1: { row: row-a, fedBy: pdu-1 } }
equipment:
  grid: { kind: source }
  pdu-1: { kind: pdu, fedBy: grid }
`;

describe("a topology", () => {
  test("without mistakes has none", () => {
    expect(problemsOf(base)).toEqual([]);
  });

  test.each([
    [
      "  x: { kind: pdu, fedBy: gird }",
      'equipment.x.fedBy: nothing is called "gird"; did you mean "grid"?',
    ],
    [
      "  x: { kind: breaker, fedBy: grid, feeds: r2 }",
      'equipment.x.feeds: nothing is called "r2"; did you mean "r1"?',
    ],
    [
      "  x: { kind: pdu, fedBy: grid, feed: a }",
      'equipment.x.feed: no feed "a"; did you mean "A"?',
    ],
    [
      "  x: { kind: pdu, fedBy: grid, rack: r11 }",
      'equipment.x.rack: no rack "r11"; did you mean "r1"?',
    ],
    [
      "  x: { kind: pdu, fedBy: [grid, pdu-1] }",
      "equipment.x.fedBy.1: a pdu is fed by at most 1, not by grid, pdu-1; " +
        "put an ats or a switchboard between",
    ],
    [
      "  x: { kind: source, fedBy: grid }",
      "equipment.x.fedBy: a source is fed by nothing, not by grid",
    ],
    ["  x: { kind: switchboard, fedBy: [grid, grid] }", "equipment.x.fedBy.1: is named twice"],
    ["  x: { kind: load, fedBy: r1 }", "equipment.x.fedBy: r1 is a rack, which cannot be linked"],
    ["  x: { kind: load, fedBy: grid, feeds: r1 }", "equipment.x.feeds: a load feeds nothing"],
    [
      "  x: { kind: pdu, fedBy: grid, rack: r1, row: row-a }",
      "equipment.x.row: a pdu stands in one place: its rack says the row",
    ],
    [
      "  x: { kind: pdu, fedBy: grid, cable: 20A }",
      "equipment.x.cable: only a breaker has the cable behind it",
    ],
    ["  x: { kind: pdu, fedBy: grid, units: 2 }", "equipment.x.units: is said of loads and racks"],
    [
      "  x: { kind: pdu, fedBy: grid, redundancy: N }",
      "equipment.x.redundancy: is said of loads, racks, rows and rooms",
    ],
    ["  r1: { kind: pdu, fedBy: grid }", "equipment.r1: racks.r1 has this name too"],
    ["  site: { kind: pdu, fedBy: grid }", "equipment.site: the site has this name too"],
    [
      "  x: { kind: pdu, fedBy: grid, meters: m2 }",
      'equipment.x.meters.device: no device "m2"; did you mean "m1"?',
    ],
  ])("with %s says %s", (line, problem) => {
    expect(problemsOf(`${base}${line}`, metersNamed("m1"))).toEqual([problem]);
  });

  test("that feeds itself names the loop, and each loop once", () => {
    const loop = `
  x: { kind: breaker, fedBy: z }
  y: { kind: breaker, fedBy: x }
  z: { kind: breaker, fedBy: y }
  own: { kind: switchboard, fedBy: own }`;
    expect(problemsOf(base + loop)).toEqual([
      "equipment.own.fedBy: feeds itself: own → own",
      "equipment.x.fedBy: feeds itself: y → z → x → y",
    ]);
  });

  test("has no more in a row than any site", () => {
    const row = Array.from(
      { length: 64 },
      (_, at) => `  b${at}: { kind: breaker, fedBy: ${at === 0 ? "grid" : `b${at - 1}`} }`,
    );
    expect(problemsOf(base + row.slice(1).join("\n").replace("fedBy: b0", "fedBy: grid"))).toEqual(
      [],
    );
    expect(problemsOf(base + row.join("\n"))).toEqual([
      "equipment.b63: is the 65th in a row from its source; at most 64 may be",
    ]);
  });

  test("has only phases that what feeds it brings", () => {
    const phases = `
  one: { kind: breaker, fedBy: grid, phases: L1 }
  two: { kind: pdu, fedBy: one, phases: [L1, L2] }
  three: { kind: ats, fedBy: [grid, one] }`;
    expect(problemsOf(base + phases)).toEqual([
      "equipment.three: one brings L1, not L2, L3",
      "equipment.two.phases: one brings L1, not L2",
    ]);
  });

  test("takes a link written at both ends as one", () => {
    const both = `
  x: { kind: switchboard, fedBy: grid, feeds: y }
  y: { kind: breaker, fedBy: x }`;
    expect(problemsOf(base + both)).toEqual([]);
  });
});

describe("a meter", () => {
  const pdu = {
    id: "pdu",
    offers: [
      { measurement: "rack_power", channels: ["A"], fields: ["active_power_w", "voltage_v"] },
      { measurement: "pdu_outlet", channels: ["1", "2"], fields: ["current_a"] },
    ],
  };
  const strange = { id: "box" };

  test.each([
    ["pdu", undefined],
    [
      "{ device: pdu, measurement: pdu_outlet, channel: [1x], field: current_a }",
      'pdu gives no outlet "1x"; did you mean "1"?',
    ],
    [
      "{ device: pdu, measurement: pdu_outlet, field: current_a }",
      "which outlet of pdu is it? one of 1, 2",
    ],
    [
      "{ device: pdu, measurement: pdu_outlet, channel: '1' }",
      "pdu gives no pdu_outlet.active_power_w; known: current_a",
    ],
    ["{ device: pdu, field: voltage_v }", "rack_power.voltage_v is no power and no current"],
    ["{ device: pdu, measurement: ups }", "pdu gives no ups; it has rack_power, pdu_outlet"],
    [
      "{ device: pdu, measurement: rack_pwer }",
      '"rack_pwer" is not in the register; did you mean "rack_power"?',
    ],
    ["box", "which measurement of box is it? name one"],
    ["{ device: box, measurement: server }", undefined],
    ["{ device: box, measurement: server, channel: x }", "server has no channel"],
  ])("%s: %s", (meter, problem) => {
    const found = problemsOf(`equipment: { g: { kind: source, meters: ${meter} } }`, [
      pdu,
      strange,
    ]);
    expect(found).toEqual(problem === undefined ? [] : [`equipment.g.meters: ${problem}`]);
  });
});

describe("a device", () => {
  const of = (device: { readonly rack?: string; readonly zone?: string }) =>
    deviceProblems(optionsOf(`${base}\n`), [{ id: "d", ...device }]).map(({ message }) => message);

  test("stands in a rack that there is, in no other room than that", () => {
    expect(of({ rack: "r1", zone: "hall" })).toEqual([]);
    expect(of({ rack: "r1", zone: "aisle-3" })).toEqual([]);
    expect(of({ zone: "street" })).toEqual([]);
    expect(of({ rack: "r2" })).toEqual(['no rack "r2" in the topology; did you mean "r1"?']);
    const two = base.replace("hall: {}", "hall: {}, cave: {}");
    const device = { id: "d", rack: "r1", zone: "cave" };
    const found = deviceProblems(optionsOf(two), [device]);
    expect(found).toEqual([
      { device: "d", key: "zone", message: "rack r1 stands in hall, not in cave" },
    ]);
  });

  test("may stand in any rack where the topology has none", () => {
    expect(deviceProblems(optionsOf("rooms: { hall: {} }"), [{ id: "d", rack: "r9" }])).toEqual([]);
  });
});

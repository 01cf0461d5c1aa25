/** What is worked out once of a device and a channel holds only as long as it is true. */
import { describe, expect, it } from "vitest";
import { deviceNamed, Rig } from "./rig.ts";

const byRack = "rack-hot: { about: x, measurement: thermal, field: temp_c, above: 27, by: [rack] }";
const hot = "hot: { about: x, measurement: thermal, field: temp_c, above: 27 }";
const silent = "silent: { about: x, measurement: thermal, absent: 60s }";
const a = deviceNamed("a");

function row(value: number, rack: string) {
  return { device: "a", measurement: "thermal", fields: { temp_c: value }, place: { rack } };
}

async function opened(rules: string): Promise<Rig> {
  return await new Rig(rules).open();
}

describe("rows of a device", () => {
  it("that moves count in the rack where it is, also when it moves back", async () => {
    const rig = await opened(byRack);
    for (const [i, rack] of ["r1", "r2", "r1"].entries()) {
      rig.send(row(28 + i, rack));
      await rig.clock.advance(1000);
    }
    const seen = rig.alerts.firing().alerts.map(({ channel, value }) => [channel["rack"], value]);
    expect(seen).toEqual([
      ["r1", 30],
      ["r2", 29],
    ]);
    await rig.close();
  });

  it("carry its place to an alert that begins, not to one that goes on", async () => {
    const rig = await opened(hot);
    for (const [value, rack] of [
      [20, "r1"],
      [28, "r2"],
      [29, "r3"],
      [20, "r3"],
      [28, "r1"],
    ] as const) {
      rig.send(row(value, rack));
      await rig.clock.advance(1000);
    }
    expect(rig.told.map(({ to, place }) => [to, place.rack])).toEqual([
      ["firing", "r2"],
      ["resolved", "r2"],
      ["firing", "r1"],
    ]);
    await rig.close();
  });

  it("end its silence also when it was heard before anybody expected it", async () => {
    const rig = await opened(silent);
    rig.temperature(20);
    rig.alerts.expect([{ address: a, place: {}, measurements: ["thermal"] }]);
    for (let i = 0; i < 5; i += 1) {
      await rig.clock.advance(40_000);
      rig.temperature(20);
    }
    expect(rig.told).toEqual([]);
    rig.alerts.expect([]);
    rig.temperature(20);
    rig.alerts.expect([{ address: a, place: {}, measurements: ["thermal"] }]);
    await rig.clock.advance(40_000);
    rig.temperature(20);
    await rig.clock.advance(40_000);
    expect(rig.told).toEqual([]);
    await rig.clock.advance(40_000);
    expect(rig.arrows()).toEqual(["inactive->firing"]);
    await rig.close();
  });

  it("make no group before there is a value to judge", async () => {
    const rig = new Rig(hot);
    rig.maxGroups = 1;
    await rig.open();
    const empty = { humidity_pct: 40 };
    rig.send({ device: "a", measurement: "thermal", fields: empty });
    rig.send({ device: "b", measurement: "thermal", fields: { temp_c: 28 } });
    expect(rig.alerts.firing()).toMatchObject({ firing: 1, refused: 0 });
    rig.send(row(28, "r1"), row(28, "r1"));
    expect(rig.alerts.firing()).toMatchObject({ firing: 1, refused: 2 });
    await rig.close();
  });
});

/** Rules on the silence of known devices, under virtual time. */
import { describe, expect, it } from "vitest";
import type { ExpectedDevice } from "../../alerts/index.ts";
import { deviceNamed, Rig } from "./rig.ts";

const silent = `meter-silent:
  about: A meter sends nothing
  measurement: energy_meter
  absent: 60s
`;

function meter(device: string): ExpectedDevice {
  return { address: deviceNamed(device), place: {}, measurements: ["energy_meter"] };
}

function rigWith(rules: string, ...devices: string[]): Rig {
  const rig = new Rig(rules);
  rig.expected = devices.map(meter);
  return rig;
}

function send(rig: Rig, device: string, q = 0): void {
  rig.send({ device, measurement: "energy_meter", fields: { active_power_w: 5, q } });
}

describe("silence", () => {
  it("is told at the moment it has lasted too long", async () => {
    const rig = await rigWith(silent, "m1").open();
    await rig.clock.advance(10_000);
    send(rig, "m1");
    await rig.clock.advance(59_900);
    expect(rig.arrows()).toEqual([]);
    await rig.clock.advance(1000);
    expect(rig.told).toMatchObject([{ to: "firing", value: 60, unit: "s", threshold: 60 }]);
    expect(rig.told[0]?.time).toBe(rig.start + 70_000);
    await rig.close();
  });

  it("may be pending first and outlast its end", async () => {
    const rig = await rigWith(`${silent}  for: 30s\n  keep: 20s\n`, "m1").open();
    await rig.clock.advance(89_000);
    expect(rig.arrows()).toEqual(["inactive->pending"]);
    await rig.clock.advance(2000);
    expect(rig.arrows()).toEqual(["inactive->pending", "pending->firing"]);
    send(rig, "m1");
    await rig.clock.advance(19_000);
    expect(rig.alerts.firing().firing).toBe(1);
    await rig.clock.advance(2000);
    expect(rig.arrows().at(-1)).toBe("firing->resolved");
    await rig.close();
  });

  it("is not ended by rows that say nothing was read", async () => {
    const rig = await rigWith(silent, "m1").open();
    for (let i = 0; i < 8; i += 1) {
      send(rig, "m1", 4);
      await rig.clock.advance(10_000);
    }
    expect(rig.arrows()).toEqual(["inactive->firing"]);
    await rig.close();
  });

  it("is measured by arrival: neither clock jumps nor an agent's wrong clock count", async () => {
    const rig = await rigWith(silent, "m1").open();
    rig.clock.jump(3_600_000);
    await rig.clock.advance(30_000);
    expect(rig.arrows()).toEqual([]);
    const fields = { active_power_w: 5 };
    rig.send({ device: "m1", measurement: "energy_meter", fields, time: rig.start - 86_400_000 });
    await rig.clock.advance(50_000);
    expect(rig.arrows()).toEqual([]);
    await rig.close();
  });

  it("goes on over a restart, and nobody else is accused for it", async () => {
    const rig = await rigWith(silent, "m1", "m2").open();
    await rig.clock.advance(50_000);
    send(rig, "m2");
    await rig.clock.advance(20_000);
    expect(rig.arrows()).toEqual(["inactive->firing"]);
    await rig.close();
    await rig.clock.advance(600_000);
    await rig.open();
    await rig.clock.advance(50_000);
    expect(rig.arrows()).toEqual(["inactive->firing"]);
    send(rig, "m1");
    send(rig, "m2");
    await rig.clock.advance(1000);
    expect(rig.arrows()).toEqual(["inactive->firing", "firing->resolved"]);
    await rig.close();
  });

  it("that was pending before a restart goes on to fire in time", async () => {
    const rig = await rigWith(`${silent}  for: 30s\n`, "m1").open();
    await rig.clock.advance(70_000);
    await rig.close();
    await rig.open();
    await rig.clock.advance(21_000);
    expect(rig.arrows()).toEqual(["inactive->pending", "pending->firing"]);
    expect(rig.told.at(-1)).toMatchObject({ value: 90, time: rig.start + 90_000 });
    await rig.close();
  });

  it("of a device that nobody expects any more is over", async () => {
    const rig = await rigWith(silent, "m1", "m2").open();
    await rig.clock.advance(61_000);
    rig.alerts.expect([meter("m2")]);
    await rig.clock.advance(1000);
    expect(rig.alertsOf(deviceNamed("m1"))).toEqual([]);
    expect(rig.alertsOf(deviceNamed("m2"))).toHaveLength(1);
    await rig.close();
  });

  it("of a device that became known later counts from then", async () => {
    const rig = await rigWith(silent).open();
    await rig.clock.advance(100_000);
    rig.alerts.expect([meter("m1")]);
    await rig.clock.advance(59_000);
    expect(rig.arrows()).toEqual([]);
    await rig.clock.advance(2000);
    expect(rig.arrows()).toEqual(["inactive->firing"]);
    await rig.close();
  });

  it("of a whole rack needs every device of it to be silent", async () => {
    const rig = rigWith(`${silent}  by: [rack]\n`, "m1", "m2");
    rig.expected = rig.expected.map((device) => ({ ...device, place: { rack: "r1" } }));
    await rig.open();
    const fields = { active_power_w: 5 };
    for (let i = 0; i < 10; i += 1) {
      rig.send({ device: "m2", measurement: "energy_meter", fields, place: { rack: "r1" } });
      await rig.clock.advance(10_000);
    }
    expect(rig.arrows()).toEqual([]);
    await rig.clock.advance(60_000);
    expect(rig.arrows()).toEqual(["inactive->firing"]);
    await rig.close();
  });

  it("leaves no timer behind", async () => {
    const rig = await rigWith(silent, "m1").open();
    await rig.close();
    expect(rig.clock.timers).toBe(0);
  });
});

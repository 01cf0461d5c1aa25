/** Rules on stored data: schedule, answers, and a store that is down or silent. */
import { describe, expect, it } from "vitest";
import { deviceNamed, hub, Rig } from "./rig.ts";

const stored = `rack-hot:
  about: Rack inlet too hot for minutes
  on: stored
  measurement: thermal
  field: temp_c
  above: 27
  every: 30s
  window: 1m
`;

describe("rules on stored data", () => {
  it("judge the mean of the window and tell it on the device's topic", async () => {
    const rig = await new Rig(stored).open();
    for (const value of [26, 30]) {
      rig.temperature(value);
      await rig.clock.advance(10_000);
    }
    await rig.clock.advance(11_000);
    expect(rig.alertsOf(deviceNamed("a"))).toMatchObject([{ state: "firing", value: 28 }]);
    await rig.close();
  });

  it("leave out rows of bad quality", async () => {
    const rig = await new Rig(stored).open();
    const fields = { temp_c: 90, q: 2 };
    rig.send({ device: "a", measurement: "thermal", channel: { sensor: "inlet" }, fields });
    await rig.clock.advance(31_000);
    expect(rig.arrows()).toEqual([]);
    await rig.close();
  });

  it("let the hub speak for a device that it never heard of", async () => {
    const rig = await new Rig(stored).open();
    const { region, org, site } = hub;
    const tags = { region, org, site, device: "z", sensor: "inlet" };
    const fields = { temp_c: 30, q: 0 };
    rig.store.lines.push({ measurement: "thermal", tags, fields, time: rig.start + 1 });
    await rig.clock.advance(31_000);
    expect(rig.alertsOf(hub)).toMatchObject([{ channel: { device: "z", sensor: "inlet" } }]);
    await rig.close();
  });

  it("are unknown while the store is down: told once, nothing resolves", async () => {
    const rig = await new Rig(stored).open();
    rig.temperature(30);
    await rig.clock.advance(31_000);
    rig.store.state = "down";
    await rig.clock.advance(300_000);
    expect(rig.arrows()).toEqual(["inactive->firing", "firing->unknown"]);
    expect(rig.alerts.firing()).toMatchObject({ firing: 0, unknown: 1, blind: ["rack-hot"] });
    expect(rig.log.count("rule cannot be judged")).toBe(1);
    rig.store.state = "up";
    await rig.clock.advance(31_000);
    expect(rig.arrows().at(-1)).toBe("unknown->firing");
    expect(rig.alerts.firing().blind).toEqual([]);
    await rig.close();
  });

  it("are unknown when the store does not answer, and never ask twice at once", async () => {
    const rig = await new Rig(stored).open();
    rig.temperature(30);
    await rig.clock.advance(31_000);
    rig.store.state = "silent";
    await rig.clock.advance(300_000);
    expect(rig.store.mostOpen).toBe(1);
    expect(rig.arrows()).toEqual(["inactive->firing", "firing->unknown"]);
    await rig.close();
    expect(rig.store.open).toBe(0);
  });

  it("stay unknown over a restart", async () => {
    const rig = await new Rig(stored).open();
    rig.temperature(30);
    await rig.clock.advance(31_000);
    rig.store.state = "down";
    await rig.clock.advance(60_000);
    await rig.close();
    await rig.open();
    await rig.clock.advance(60_000);
    expect(rig.arrows()).toEqual(["inactive->firing", "firing->unknown"]);
    expect(rig.alertsOf(deviceNamed("a"))).toMatchObject([{ state: "unknown" }]);
    await rig.close();
  });

  it("are spread over their interval", async () => {
    const three = ["one", "two", "three"].map((id) => stored.replace("rack-hot", id)).join("");
    const rig = await new Rig(three).open();
    await rig.clock.advance(60_000);
    const after = rig.store.askedAt.map((time) => (time - rig.start) / 1000);
    expect(after).toEqual([10, 20, 30, 40, 50, 60]);
    await rig.close();
  });
});

/** What follows from a transition, what a restart keeps, and where the bounds are. */
import { describe, expect, it, vi } from "vitest";
import { damagedName, snapshotName } from "../../alerts/snapshot.ts";
import { deviceNamed, hub, parseRules, Rig } from "./rig.ts";

const hot = `rack-hot:
  about: Rack inlet above the recommended range
  measurement: thermal
  field: temp_c
  above: 27
  clear: 26
`;
const held = `${hot}  for: 1m\n`;
const a = deviceNamed("a");

describe("what comes out of a transition", () => {
  it("is a retained list of the device's alerts, empty when all is well", async () => {
    const rig = await new Rig(hot).open();
    rig.temperature(28.5);
    await rig.clock.advance(1000);
    expect(rig.retained.get("rackstreet/v1/local/main/hall1/thermal/a/alert")).toBe(
      JSON.stringify({
        v: 1,
        time: rig.start,
        alerts: [
          {
            rule: "rack-hot",
            severity: "warning",
            state: "firing",
            since: rig.start,
            value: 28.5,
            unit: "°C",
            threshold: 27,
            channel: { sensor: "inlet" },
            about: "Rack inlet above the recommended range",
          },
        ],
      }),
    );
    rig.temperature(20);
    await rig.clock.advance(1000);
    expect(rig.alertsOf(a)).toEqual([]);
    await rig.close();
  });

  it("is a row in the store and a word to the notifier", async () => {
    const rig = await new Rig(hot).open();
    rig.temperature(28.5);
    await rig.clock.advance(1000);
    expect(rig.rows()).toEqual([
      {
        measurement: "alert_event",
        tags: { region: "local", org: "main", site: "hall1", device: "a", rule: "rack-hot" },
        fields: {
          alert_state: 2,
          value_ratio: 28.5,
          severity: "warning",
          channel: "sensor=inlet",
          q: 0,
        },
        time: rig.start,
      },
    ]);
    expect(rig.told).toMatchObject([
      { rule: "rack-hot", from: "inactive", to: "firing", address: a, value: 28.5, unit: "°C" },
    ]);
    await rig.close();
  });

  it("holds all alerts of a device, and merges no rows of the same moment", async () => {
    const rig = await new Rig(`${hot}${hot.replace("rack-hot", "rack-hotter")}`).open();
    for (const sensor of ["top", "bottom"]) {
      const fields = { temp_c: 30 };
      rig.send({ device: "a", measurement: "thermal", channel: { sensor }, fields });
    }
    await rig.clock.advance(1000);
    expect(rig.alertsOf(a)).toHaveLength(4);
    expect(rig.published).toHaveLength(1);
    const keys = rig.rows().map(({ tags, time }) => JSON.stringify([tags, time]));
    expect(new Set(keys).size).toBe(4);
    await rig.close();
  });

  it("is the end of all alerts of a device that left", async () => {
    const rig = new Rig(hot);
    const expected = [{ address: a, place: {}, measurements: ["thermal"] }];
    rig.expected = expected;
    await rig.open();
    rig.temperature(30);
    rig.temperature(30, "visitor");
    rig.alerts.expect(expected);
    expect(rig.alerts.firing().firing).toBe(2);
    rig.alerts.expect([]);
    await rig.clock.advance(1000);
    expect(rig.alertsOf(a)).toEqual([]);
    expect(rig.alertsOf(deviceNamed("visitor"))).toHaveLength(1);
    await rig.close();
  });

  it("is told by the hub when a group is wider than a device", async () => {
    const rig = await new Rig(`${hot}  by: [rack]\n`).open();
    const place = { rack: "r1" };
    rig.send({ device: "a", measurement: "thermal", fields: { temp_c: 30 }, place });
    await rig.clock.advance(1000);
    expect(rig.alertsOf(hub)).toMatchObject([{ rule: "rack-hot", channel: { rack: "r1" } }]);
    await rig.close();
  });

  it("waits for a broker that is down, then tells the newest state", async () => {
    const rig = await new Rig(hot).open();
    rig.brokerDown = true;
    rig.temperature(30);
    await rig.clock.advance(5000);
    rig.temperature(20);
    await rig.clock.advance(5000);
    expect(rig.alertsOf(a)).toBe(undefined);
    rig.brokerDown = false;
    await rig.clock.advance(60_000);
    expect(rig.alertsOf(a)).toEqual([]);
    expect(rig.arrows()).toEqual(["inactive->firing", "firing->resolved"]);
    await rig.close();
  });

  it("tells the end of an alert even when broker and hub went down in between", async () => {
    const rig = await new Rig(hot).open();
    rig.temperature(30);
    await rig.clock.advance(1000);
    rig.brokerDown = true;
    rig.temperature(20);
    await rig.clock.advance(1000);
    await rig.close();
    rig.brokerDown = false;
    await rig.open();
    expect(rig.alertsOf(a)).toEqual([]);
    await rig.close();
  });

  it("is not held up for the notifier by a broker that is down", async () => {
    const rig = await new Rig(hot).open();
    rig.brokerDown = true;
    for (let i = 0; i < 20; i += 1) {
      rig.temperature(i % 2 === 0 ? 30 : 20);
      // Slow enough not to chatter.
      await rig.clock.advance(20_000);
    }
    expect(rig.told).toHaveLength(20);
    expect(rig.log.count("alerts wait for the broker")).toBe(1);
    await rig.close();
  });

  it("waits for a store that is down, also over a restart", async () => {
    const rig = await new Rig(hot).open();
    rig.store.state = "down";
    rig.temperature(30);
    await rig.clock.advance(10_000);
    await rig.close();
    await rig.open();
    await rig.clock.advance(10_000);
    expect(rig.rows()).toEqual([]);
    expect(rig.alerts.firing().waiting).toBe(1);
    rig.store.state = "up";
    await rig.clock.advance(60_000);
    expect(rig.rows()).toHaveLength(1);
    await rig.close();
  });

  it("is told without the snapshot when the disk takes its time, the notifier is not", async () => {
    const rig = await new Rig(hot).open();
    const stalled = Promise.withResolvers<void>();
    vi.spyOn(rig.disk, "replace").mockReturnValueOnce(stalled.promise);
    rig.temperature(30, "a");
    await rig.clock.advance(99);
    expect(rig.published).toEqual([]);
    await rig.clock.advance(1);
    rig.temperature(30, "b");
    await rig.clock.advance(100);
    const about = (device: string): unknown => rig.alertsOf(deviceNamed(device));
    expect([about("a"), about("b")]).toMatchObject([[{ state: "firing" }], [{ state: "firing" }]]);
    expect(rig.told).toEqual([]);
    stalled.resolve();
    await rig.clock.advance(0);
    expect(rig.arrows()).toEqual(["inactive->firing", "inactive->firing"]);
    expect(rig.published).toHaveLength(2);
    await rig.close();
  });

  it("does not wait for a disk that is full", async () => {
    const rig = await new Rig(hot).open();
    rig.disk.failure = new Error("no space");
    rig.temperature(30);
    await rig.clock.advance(1000);
    rig.temperature(20);
    await rig.clock.advance(1000);
    expect(rig.arrows()).toEqual(["inactive->firing", "firing->resolved"]);
    expect(rig.log.count("alert snapshot was not written")).toBe(1);
    await rig.close();
  });
});

describe("over a restart", () => {
  it("retained payloads are told again, transitions are not", async () => {
    const rig = await new Rig(hot).open();
    rig.temperature(30);
    await rig.clock.advance(1000);
    await rig.close();
    rig.retained.clear();
    await rig.open();
    expect(rig.alertsOf(a)).toMatchObject([{ state: "firing", since: rig.start }]);
    rig.temperature(30);
    await rig.clock.advance(1000);
    expect(rig.arrows()).toEqual(["inactive->firing"]);
    await rig.close();
  });

  it("a crash at any moment leaves an alert that fires once and resolves once", async () => {
    const values = [20, 28, 28, 28, 28, 28, 28, 20, 20];
    for (let crashAt = 0; crashAt < values.length * 2; crashAt += 1) {
      const rig = await new Rig(held).open();
      for (const [i, value] of values.entries()) {
        rig.temperature(value);
        // Before anything that follows from the value could happen, or after.
        const moment = crashAt - i * 2;
        if (moment === 0) rig.crash();
        if (moment === 1) await rig.clock.advance(1000);
        if (moment === 1) rig.crash();
        if (moment === 0 || moment === 1) await rig.open();
        await rig.clock.advance(30_000);
      }
      const loud = rig.arrows().filter((arrow) => /firing$|resolved$/.test(arrow));
      expect(loud, `crash ${crashAt}`).toEqual(["pending->firing", "firing->resolved"]);
      await rig.close();
    }
  });

  it("alerts of a rule that is gone, or judges something else, are resolved", async () => {
    for (const rules of ["{}", hot.replace("temp_c", "rh_pct"), `${hot}  where: {rack: r1}\n`]) {
      const rig = await new Rig(`${hot}  severity: critical\n`).open();
      rig.temperature(30);
      await rig.clock.advance(1000);
      await rig.close();
      rig.rules = parseRules(rules);
      await rig.open();
      await rig.clock.advance(1000);
      expect(rig.told.at(-1)).toMatchObject({ to: "resolved", severity: "critical", value: 30 });
      expect(rig.alertsOf(a)).toEqual([]);
      await rig.close();
    }
  });

  it("a new threshold keeps the alert and is judged with the next value", async () => {
    const rig = await new Rig(hot).open();
    rig.temperature(28);
    await rig.clock.advance(1000);
    await rig.close();
    rig.rules = parseRules(hot.replace("27", "30").replace("26", "29"));
    await rig.open();
    expect(rig.arrows()).toEqual(["inactive->firing"]);
    rig.temperature(28);
    await rig.clock.advance(1000);
    expect(rig.arrows()).toEqual(["inactive->firing", "firing->resolved"]);
    await rig.close();
  });

  it.each([
    ["cut", '{"v":1,"groups":['],
    ["of another form", '{"v":1,"rules":{},"groups":[{"rule":7}],"lines":[]}'],
    ["not text", "\u0000\u0001"],
  ])("a snapshot that is %s is set aside, not fatal", async (_name, content) => {
    const rig = new Rig(hot);
    rig.disk.files.set(snapshotName, new TextEncoder().encode(content));
    await rig.open();
    expect(rig.disk.files.has(damagedName)).toBe(true);
    expect(rig.log.count("alert snapshot was damaged and set aside")).toBe(1);
    rig.temperature(30);
    await rig.clock.advance(1000);
    expect(rig.alerts.firing().firing).toBe(1);
    await rig.close();
  });

  it("an old point does not wake an alert that is over", async () => {
    const rig = await new Rig(hot).open();
    rig.temperature(30);
    await rig.clock.advance(10_000);
    rig.temperature(20);
    await rig.clock.advance(1000);
    await rig.close();
    await rig.open();
    const fields = { temp_c: 30 };
    const channel = { sensor: "inlet" };
    rig.send({ device: "a", measurement: "thermal", channel, fields, time: rig.start + 5000 });
    expect(rig.alerts.firing()).toMatchObject({ firing: 0, ignored: 1 });
    await rig.close();
  });
});

describe("bounds", () => {
  it("a rule has a most of groups; more are counted and logged once", async () => {
    const rig = new Rig(hot);
    rig.maxGroups = 2;
    await rig.open();
    for (const device of ["a", "b", "c", "d"]) rig.temperature(30, device);
    expect(rig.alerts.firing()).toMatchObject({ firing: 2, refused: 2 });
    expect(rig.log.count("rule refused more groups")).toBe(1);
    await rig.close();
  });

  it("many transitions at once are one snapshot and one message a device", async () => {
    const rig = await new Rig(hot).open();
    const saves = vi.spyOn(rig.disk, "replace");
    for (let i = 0; i < 100; i += 1) rig.temperature(30, `d${i}`);
    await rig.clock.advance(1000);
    expect(saves).toHaveBeenCalledTimes(1);
    expect(rig.published).toHaveLength(100);
    await rig.close();
  });

  it("alerts after a quiet are told at once, a storm of them is gathered", async () => {
    const rig = await new Rig(hot).open();
    const saves = vi.spyOn(rig.disk, "replace");
    for (let i = 1; i <= 5; i += 1) {
      rig.temperature(30, `quiet-${i}`);
      await rig.clock.advance(0);
      expect(rig.told).toHaveLength(i);
    }
    for (let i = 0; i < 200; i += 1) {
      rig.temperature(30, `storm-${i}`);
      await rig.clock.advance(10);
    }
    expect(saves).toHaveBeenCalledTimes(5 + 2000 / 200);
    await rig.clock.advance(200);
    expect(rig.told).toHaveLength(205);
    await rig.close();
  });

  it("a point of the far future is not judged, as it would make the rest look old", async () => {
    const rig = await new Rig(hot).open();
    const fields = { temp_c: 30 };
    rig.send({ device: "a", measurement: "thermal", fields, time: Date.UTC(2099, 0, 1) });
    expect(rig.alerts.firing()).toMatchObject({ firing: 0, ignored: 1 });
    await rig.close();
  });
});

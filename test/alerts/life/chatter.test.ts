/** Chattering alerts are held, and the load of alerts is counted. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Change } from "../../../alerts/index.ts";
import type { Chatter } from "../../../alerts/life/chatter.ts";
import { chatterAfter, often, span } from "../../../alerts/life/chatter.ts";
import { hub } from "../rig.ts";
import { LifeRig } from "./rig.ts";

const hot = "rack-hot:\n  about: hot\n  measurement: thermal\n  field: temp_c\n  above: 27\n";
const tenMinutes = 600_000;

/** Values one after another, 5 s apart. */
async function values(rig: LifeRig, ...all: readonly number[]): Promise<void> {
  for (const value of all) {
    rig.temperature(value);
    await rig.clock.advance(5000);
  }
}

describe("an alert that fires three times within a minute", () => {
  it("is held until it was right for a minute, and says so", async () => {
    const rig = await new LifeRig(hot).open();
    await values(rig, 30, 20, 30, 20, 30, 20, 30, 20, 30, 20);
    const begun = ["rack-hot a firing", "rack-hot a resolved"];
    expect(rig.said()).toEqual([...begun, ...begun, "rack-hot a firing"]);
    expect(rig.shown("a")).toMatchObject({ state: "firing", chattering: true });
    await values(rig, ...Array.from({ length: 11 }, () => 20));
    expect(rig.shown("a")).toMatchObject({ chattering: true });
    await values(rig, 20, 20);
    expect(rig.alertsOf({ ...hub, class: "thermal", device: "a" })).toEqual([]);
    await values(rig, 30, 20);
    expect(rig.said()).toEqual(["rack-hot a resolved", ...begun]);
    await rig.close();
  });

  it("is held over a restart", async () => {
    const rig = await new LifeRig(hot).open();
    await values(rig, 30, 20, 30, 20, 30);
    await rig.restart();
    await values(rig, 20, 30, 20, 30, 20);
    expect(rig.said()).toHaveLength(5);
    expect(rig.shown("a")).toMatchObject({ chattering: true });
    await rig.close();
  });

  it("keeps longer where its rule says so", async () => {
    const rig = await new LifeRig(`${hot}  keep: 5m\n`).open();
    await values(rig, 30, 20, 30, 20, 30, 20);
    expect(rig.shown("a")).not.toHaveProperty("chattering");
    await rig.close();
  });
});

it("chatters exactly when so many firings lie within the span", () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(gaps, (all) => {
      let chatter: Chatter | undefined;
      let time = 0;
      const times: number[] = [];
      for (const gap of all) {
        time += gap;
        times.push(time);
        const change: Change = { from: "inactive", to: "firing", time };
        chatter = chatterAfter(chatter, change);
        const enough = times.some((one, index) => (times[index + often - 1] ?? 1e9) - one < span);
        expect(chatter?.chattering).toBe(enough);
        expect(chatter?.firings.length).toBeLessThanOrEqual(often);
        if (!enough) chatter = chatterAfter(chatter, { from: "firing", to: "resolved", time });
      }
    }),
  );
});

describe("the alarm load", () => {
  function loads(rig: LifeRig): unknown[] {
    const rows = rig.store.lines.filter(({ measurement }) => measurement === "alarm_load");
    return rows.map(({ fields, time }) => ({ ...fields, time: time - rig.start }));
  }

  it("is a row each ten minutes, also over a restart, and stands on the hub's topic", async () => {
    const rig = await new LifeRig(hot).open();
    await rig.shelve("rack-hot", "b", tenMinutes * 1.5);
    rig.temperature(30, "a");
    rig.temperature(30, "b");
    await rig.clock.advance(1000);
    await rig.acknowledge("rack-hot", "a");
    await rig.restart();
    rig.temperature(30, "c");
    await rig.clock.advance(tenMinutes);
    const counts = { info_count: 0, warning_count: 3, critical_count: 0, fired_count: 3 };
    const standing = { standing_count: 3, acknowledged_count: 1, shelved_count: 1 };
    const none = { suppressed_count: 0, chattering_count: 0, flood_state: 0, q: 0 };
    const first = { ...counts, told_count: 2, ...standing, ...none, time: tenMinutes };
    expect(loads(rig)).toEqual([first]);
    await rig.clock.advance(tenMinutes);
    expect(loads(rig)).toMatchObject([
      first,
      { fired_count: 0, told_count: 1, time: 2 * tenMinutes },
    ]);
    const own = JSON.parse(
      rig.retained.get("rackstreet/v1/local/main/hall1/agent/hub/alert") ?? "",
    );
    expect(own).toMatchObject({ load: { last: { told: 1 } }, shelves: { count: 0 } });
    await rig.close();
  });

  it("is a flood above ten", async () => {
    const rig = await new LifeRig(hot).open();
    for (let i = 0; i < 11; i += 1) rig.temperature(30, `d${i}`);
    await rig.clock.advance(tenMinutes);
    expect(loads(rig)).toMatchObject([{ told_count: 11, flood_state: 1 }]);
    await rig.close();
  });
});

describe("a critical rule over a warning one", () => {
  const rules = `
warm: { about: warm, measurement: thermal, field: temp_c, above: 27 }
hot:
  about: hot
  severity: critical
  measurement: thermal
  field: temp_c
  above: 32
  inhibits: [warm]
`;

  it("is told alone; the warning follows when it is over", async () => {
    const rig = await new LifeRig(rules).open();
    rig.temperature(35);
    await rig.clock.advance(60_000);
    expect(rig.said()).toEqual(["hot a firing"]);
    rig.temperature(30);
    await rig.clock.advance(60_000);
    expect(rig.said()).toEqual(["hot a resolved", "warm a firing"]);
    await rig.close();
  });

  it("is not told of when it ends within the moment after", async () => {
    const rig = await new LifeRig(rules).open();
    rig.temperature(35);
    await rig.clock.advance(60_000);
    rig.temperature(30);
    await rig.clock.advance(10_000);
    rig.temperature(20);
    await rig.clock.advance(60_000);
    expect(rig.said()).toEqual(["hot a firing", "hot a resolved"]);
    await rig.close();
  });
});

/** Rules that change while the hub runs: what judges as before goes on, clocks and all. */
import { expect, it } from "vitest";
import { deviceNamed, parseRules, Rig } from "./rig.ts";

const hot = `hot: { about: Hot, measurement: thermal, field: temp_c, above: 27, for: 2m }
`;
const silent = `silent: { about: Silent, measurement: thermal, absent: 2m }
`;
const stored = `mean: { about: Hot, on: stored, measurement: thermal, field: temp_c, above: 27 }
`;
const minute = 60_000;

async function opened(rules: string): Promise<Rig> {
  const rig = new Rig(rules);
  rig.expected = [{ address: deviceNamed("a"), place: {}, measurements: ["thermal"] }];
  return await rig.open();
}

it("a pending alert goes on pending, and takes the new face with it", async () => {
  const rig = await opened(hot);
  rig.temperature(30);
  await rig.clock.advance(minute);
  rig.alerts.useRules(parseRules(hot.replace("about: Hot", "about: Very hot") + silent));
  await rig.clock.advance(minute);
  rig.temperature(30);
  await rig.clock.advance(1000);
  expect(rig.arrows()).toEqual(["inactive->pending", "pending->firing"]);
  expect(rig.alertsOf(deviceNamed("a"))).toMatchObject([{ about: "Very hot", state: "firing" }]);
  await rig.close();
});

it("a silence is counted on from the last row", async () => {
  const rig = await opened(silent);
  rig.temperature(20);
  await rig.clock.advance(minute);
  rig.alerts.useRules(parseRules(silent + hot));
  await rig.clock.advance(minute + 1000);
  expect(rig.arrows()).toEqual(["inactive->firing"]);
  await rig.close();
});

it("an alert ends with its rule, and a new rule begins", async () => {
  const rig = await opened(hot.replace(", for: 2m", ""));
  rig.temperature(30);
  await rig.clock.advance(1000);
  rig.alerts.useRules(parseRules(stored));
  await rig.clock.advance(1000);
  expect(rig.arrows()).toEqual(["inactive->firing", "firing->resolved"]);
  await rig.clock.advance(minute);
  expect(rig.told.at(-1)).toMatchObject({ rule: "mean", to: "firing" });
  expect(rig.alerts.firing()).toMatchObject({ firing: 1 });
  await rig.close();
});

it("a stored rule that stays asks on, and is not told twice", async () => {
  const rig = await opened(stored);
  rig.temperature(30);
  await rig.clock.advance(minute);
  rig.alerts.useRules(parseRules(stored + hot));
  rig.temperature(30);
  await rig.clock.advance(minute);
  expect(rig.arrows().filter((arrow) => arrow === "inactive->firing")).toHaveLength(1);
  await rig.close();
});

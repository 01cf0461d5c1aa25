/** Acknowledged and shelved alerts: what is shown, told, kept and stored. */
import { describe, expect, it } from "vitest";
import { longestComment, LifeRig } from "./rig.ts";

const hot = "rack-hot:\n  about: hot\n  measurement: thermal\n  field: temp_c\n  above: 27\n";
const hour = 3_600_000;

describe("an acknowledged alert", () => {
  it("says so until it resolves, and is told when it is over", async () => {
    const rig = await new LifeRig(hot).open();
    rig.temperature(30);
    await rig.clock.advance(1000);
    const at = rig.clock.now();
    await rig.acknowledge("rack-hot", "a");
    expect(rig.shown("a")).toMatchObject({ acknowledged: { by: "kim", at, comment: "" } });
    expect(rig.alerts.firing().alerts).toMatchObject([{ acknowledged: { by: "kim" } }]);
    rig.temperature(20);
    await rig.clock.advance(1000);
    rig.temperature(30);
    await rig.clock.advance(1000);
    expect(rig.shown("a")).not.toHaveProperty("acknowledged");
    expect(rig.said()).toEqual(["rack-hot a firing", "rack-hot a resolved", "rack-hot a firing"]);
    expect(rig.acts()).toEqual([["acknowledged", "kim", "rack-hot", "a"]]);
    await rig.close();
  });

  it("is still acknowledged after a restart", async () => {
    const rig = await new LifeRig(hot).open();
    rig.temperature(30);
    await rig.clock.advance(1000);
    await rig.acknowledge("rack-hot", "a");
    await rig.restart(hour);
    await rig.clock.advance(120_000);
    expect(rig.shown("a")).toMatchObject({ acknowledged: { by: "kim" } });
    expect(rig.said()).toEqual(["rack-hot a firing"]);
    await rig.close();
  });

  it("has to fire, and to be one that the asker may act on", async () => {
    const rig = await new LifeRig(hot).open();
    rig.temperature(30);
    await rig.clock.advance(1000);
    const { acts } = rig.alerts;
    const act = { by: "kim", comment: "" };
    const pick = { rule: "rack-hot", where: {} };
    await expect(
      acts.acknowledge({ rule: "rack-hot", where: { device: "b" } }, act),
    ).rejects.toThrow("no alert of rack-hot device=b fires");
    await expect(acts.acknowledge({ ...pick, may: () => false }, act)).rejects.toThrow("fires");
    const long = { by: "kim", comment: "x".repeat(longestComment + 1) };
    await expect(acts.acknowledge(pick, long)).rejects.toThrow("characters");
    await rig.close();
  });
});

describe("a shelved alert", () => {
  it("is judged and shown, told to nobody, and told when its shelf ends", async () => {
    const rig = await new LifeRig(hot).open();
    await rig.shelve("rack-hot", "a", hour);
    rig.temperature(30);
    rig.temperature(30, "b");
    await rig.clock.advance(hour / 2);
    expect(rig.shown("a")).toMatchObject({ state: "firing", shelved: { by: "kim" } });
    expect(rig.shown("b")).not.toHaveProperty("shelved");
    expect(rig.said()).toEqual(["rack-hot b firing"]);
    await rig.clock.advance(hour / 2);
    expect(rig.shown("a")).not.toHaveProperty("shelved");
    expect(rig.said()).toEqual(["rack-hot a firing"]);
    expect(rig.acts()).toEqual([
      ["shelved", "kim", "rack-hot", "a"],
      ["shelf ended", "", "rack-hot", "a"],
    ]);
    await rig.close();
  });

  it("that was told before is not told again meanwhile, but at the end", async () => {
    const rig = await new LifeRig(hot).open();
    rig.temperature(30);
    await rig.clock.advance(61_000);
    expect(rig.stood).toHaveLength(1);
    await rig.shelve("rack-hot", "a", hour);
    rig.stood = [];
    await rig.clock.advance(120_000);
    expect(rig.stood).toHaveLength(0);
    await rig.unshelve("rack-hot", "a");
    await rig.clock.advance(61_000);
    expect(rig.stood).toHaveLength(1);
    expect(rig.said()).toEqual(["rack-hot a firing", "rack-hot a firing"]);
    await rig.close();
  });

  it("that ends on the shelf is told to those alone who heard of it", async () => {
    const rig = await new LifeRig(hot).open();
    rig.temperature(30);
    await rig.clock.advance(1000);
    await rig.shelve("rack-hot", "a", hour);
    await rig.shelve("rack-hot", "b", hour);
    rig.temperature(30, "b");
    await rig.clock.advance(1000);
    rig.temperature(20);
    rig.temperature(20, "b");
    await rig.clock.advance(2 * hour);
    expect(rig.said()).toEqual(["rack-hot a firing", "rack-hot a resolved"]);
    await rig.close();
  });

  it.each([
    ["while it is down", 2 * hour],
    ["after it is up again", 0],
  ])("keeps its shelf over a restart, and is told when it ends %s", async (_name, apart) => {
    const rig = await new LifeRig(hot).open();
    await rig.shelve("rack-hot", "a", hour);
    rig.temperature(30);
    await rig.clock.advance(1000);
    await rig.restart(apart);
    expect(rig.said()).toEqual([]);
    await rig.clock.advance(hour);
    expect(rig.said()).toEqual(["rack-hot a firing"]);
    await rig.close();
  });

  it("is not told by the comparison after a start", async () => {
    const rig = await new LifeRig(hot).open();
    rig.temperature(30);
    await rig.clock.advance(1000);
    expect(rig.said()).toHaveLength(1);
    await rig.shelve("rack-hot", "a", hour);
    rig.disk.files.delete("notify-duty.json");
    await rig.restart();
    rig.disk.files.delete("notify-duty.json");
    await rig.clock.advance(300_000);
    expect(rig.said()).toEqual([]);
    await rig.close();
  });

  it("needs an end within 30 days, and a rule that is there", async () => {
    const rig = await new LifeRig(hot).open();
    const { acts } = rig.alerts;
    const act = { by: "kim", comment: "" };
    const pick = { rule: "rack-hot", where: {} };
    const day = 24 * hour;
    for (const length of [0, -1, Number.NaN, 30 * day + 1]) {
      await expect(acts.shelve(pick, { ...act, length })).rejects.toThrow("shelf");
    }
    const other = { rule: "rack-hott", where: {} };
    await expect(acts.shelve(other, { ...act, length: day })).rejects.toThrow("no rule");
    await expect(acts.unshelve(pick, act)).rejects.toThrow("nothing is shelved");
    await rig.close();
  });

  it("more shelves than a hub takes are refused, another end is not", async () => {
    const rig = await new LifeRig(hot).open();
    const { acts } = rig.alerts;
    const act = { by: "kim", comment: "", length: hour };
    const all: Promise<unknown>[] = [];
    for (let i = 0; i < 1000; i += 1) {
      all.push(acts.shelve({ rule: "rack-hot", where: { device: `d${i}` } }, act));
    }
    await Promise.all([...all, rig.clock.advance(5000)]);
    const more = { rule: "rack-hot", where: { device: "more" } };
    await expect(acts.shelve(more, act)).rejects.toThrow("1000 shelves");
    const known = acts.shelve({ rule: "rack-hot", where: { device: "d7" } }, act);
    await Promise.all([known, rig.clock.advance(1000)]);
    expect(acts.shelves).toHaveLength(1000);
    await rig.close();
  });
});

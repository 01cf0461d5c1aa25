/**
 * Golden cases: `rules.yaml` and `series.txt` in, `expected.txt` out: one transition a line with
 * time since the start, change, rule, group and value. `vitest -u` rewrites.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Transition } from "../../alerts/index.ts";
import { deviceNamed, Rig } from "./rig.ts";
import type { Script } from "./series.ts";
import { parseScript } from "./series.ts";

const folder = new URL("../golden/alerts/", import.meta.url);
const cases = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

describe("alerts, case by case", () => {
  it("has cases", () => {
    expect(cases.length).toBeGreaterThan(0);
  });

  it.each(cases)("%s", async (name) => {
    const source = (file: string): string =>
      readFileSync(new URL(`${name}/${file}`, folder), "utf8");
    const rig = new Rig(source("rules.yaml"));
    await play(rig, parseScript(source("series.txt")));
    const lines = rig.told.map((transition) => lineOf(transition, rig.start));
    const expected = new URL(`${name}/expected.txt`, folder);
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(expected.pathname);
  });
});

async function play(rig: Rig, script: Script): Promise<void> {
  rig.expected = script.expected.map(({ device, measurement }) => ({
    address: deviceNamed(device),
    place: {},
    measurements: [measurement],
  }));
  await rig.open();
  const length = Math.max(...script.series.map(({ samples }) => samples.length));
  for (let i = 0; i < length; i += 1) {
    const time = i * script.interval;
    const isDown = script.down.some(([from, to]) => from <= time && time < to);
    rig.store.state = isDown ? "down" : "up";
    const restart = script.restarts.get(time);
    if (restart === "restart") await rig.close();
    if (restart === "crash") rig.crash();
    if (restart !== undefined) await rig.open();
    for (const { row, field, samples } of script.series) {
      const sample = samples[i];
      if (sample === undefined) continue;
      rig.send({ ...row, fields: { [field]: sample.value, q: sample.q } });
    }
    await rig.clock.advance(script.interval);
  }
  await rig.close();
}

function lineOf({ time, from, to, rule, tags, value }: Transition, start: number): string {
  const at = new Date(time - start).toISOString().slice(11, 19);
  const group = Object.entries(tags).map(([name, tag]) => `${name}=${tag}`);
  return [at, `${from}->${to}`, rule, group.join(","), value ?? "-"].join(" ");
}

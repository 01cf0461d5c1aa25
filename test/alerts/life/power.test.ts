/** Failed equipment as a root cause, in a running hub; and that the page on it can be believed. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { topologyOf, topologyOptions, validate, YamlFile } from "../../../config/index.ts";
import { parseRules } from "../rig.ts";
import { LifeRig } from "./rig.ts";

const page = readFileSync(new URL("../../../docs/alerts.md", import.meta.url), "utf8");
const minute = 60_000;

/** The block of the page that begins with a line, indented by nothing. */
function blockOf(first: string): string {
  const [, block] = new RegExp(`\`\`\`yaml\n(${first}:\n[^\`]*)\`\`\``).exec(page) ?? [];
  return (block ?? "").replace(`${first}:\n`, "").replace(/^ {2}/gm, "");
}

const topology = topologyOf(
  validate(
    topologyOptions,
    new YamlFile(
      "topology.yaml",
      `
equipment:
  feed-a: { kind: source, meters: meter-a }
  feed-b: { kind: source, meters: meter-b }
racks:
  r1: { fedBy: feed-a }
  r2: { fedBy: [feed-a, feed-b] }
`,
    ),
  ),
  {
    name: "hall1",
    devices: [
      { id: "meter-a" },
      { id: "meter-b" },
      { id: "inlet-1", rack: "r1" },
      { id: "inlet-2", rack: "r2" },
    ],
  },
);

function volts(rig: LifeRig, device: string, value: number): void {
  const channel = { phase: "L1" };
  rig.send({ device, measurement: "rack_phase", channel, fields: { voltage_v: value } });
}

it("a dead feed is told, and not the racks that it alone feeds, until it is back", async () => {
  const rig = new LifeRig(blockOf("rules"));
  rig.topology = topology;
  await rig.open();
  volts(rig, "meter-a", 0);
  await rig.clock.advance(1000);
  rig.temperature(30, "inlet-1");
  rig.temperature(30, "inlet-2");
  await rig.clock.advance(minute);
  expect(rig.said()).toEqual(["feed-dead meter-a firing", "rack-warm inlet-2 firing"]);
  expect(rig.shown("meter-a")).toMatchObject({
    consequences: { count: 1, list: [{ rule: "rack-warm", device: "inlet-1" }] },
  });
  volts(rig, "meter-b", 0);
  await rig.clock.advance(minute);
  expect(rig.shown("inlet-2")).toMatchObject({ cause: { device: "meter-a" } });
  volts(rig, "meter-a", 230);
  await rig.clock.advance(minute);
  expect(rig.said()).toEqual([
    "feed-dead meter-b firing",
    "feed-dead meter-a resolved",
    "rack-warm inlet-1 firing",
  ]);
  await rig.close();
});

it("an unknown rule, the rule itself, and the hub's own name are mistakes", () => {
  const warm = "about: x, measurement: thermal, field: temp_c, above: 27";
  expect(() => parseRules(`a: { ${warm}, inhibits: [b] }`)).toThrow('no rule "b"');
  expect(() => parseRules(`a: { ${warm}, inhibits: [a] }`)).toThrow("itself");
  expect(() => parseRules(`common-cause: { ${warm} }`)).toThrow("the hub's own rule");
});

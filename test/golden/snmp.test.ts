/**
 * Golden agents: `config.yaml` is what a user would write, `walk.snmprec` what the agent holds,
 * written from the public MIB that its first line names; `expected.lp` the points, `expected.err`
 * the faults. `npx vitest run test/golden/snmp.test.ts -u` rewrites what is expected.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readYaml } from "../../config/index.ts";
import { profiles } from "../../config/profiles.gen.ts";
import { snmp } from "../../drivers/snmp/index.ts";
import type { Point } from "../../telemetry/index.ts";
import { fieldFacts, isRecord, problemOf } from "../../telemetry/index.ts";
import { contextWith, never } from "../drivers/modbus/world.ts";
import { parseWalk, startAgent } from "../drivers/snmp/agent.ts";

const folder = join(import.meta.dirname, "drivers/snmp");
const cases = (await readdir(folder)).toSorted();

function lineOf({ measurement, tags = {}, fields }: Point): string {
  const series = [measurement, ...Object.entries(tags).map(([tag, name]) => `${tag}=${name}`)];
  const values = Object.entries(fields).map(([field, value]) => {
    if (typeof value === "string") return `${field}=${JSON.stringify(value)}`;
    return `${field}=${value}${fieldFacts(measurement, field)?.type === "integer" ? "i" : ""}`;
  });
  return `${series.join(",")} ${values.join(",")}`;
}

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

test.each(cases)("%s", async (name) => {
  const { data } = await readYaml(join(folder, name, "config.yaml"));
  const devices = isRecord(data) ? data["devices"] : undefined;
  const device = isRecord(devices) && isRecord(devices["device"]) ? devices["device"] : {};
  const profile = profiles[String(device["profile"])];
  const walk = parseWalk(await readFile(join(folder, name, "walk.snmprec"), "utf8"));
  for (const version of ["v1", "v2c"]) {
    await using agent = await startAgent(walk);
    await using driver = snmp.create(contextWith());
    const options = { address: agent.address, version };
    await using session = await driver.open({ id: "device", options, profile });
    const groups = session.groups.map((group) => group.name);
    const { points, faults } = await session.read(groups, never);
    expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
    await expect(text(points.map(lineOf))).toMatchFileSnapshot(join(folder, name, "expected.lp"));
    const told = faults.map(({ code, at }) => `${code} ${at}`);
    await expect(text(told)).toMatchFileSnapshot(join(folder, name, "expected.err"));
  }
});

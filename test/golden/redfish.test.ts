/**
 * Golden services: `device/` is a mockup in the DMTF's form, `expected.lp` the points of the first
 * reading, `expected.err` its faults, `expected.requests` what was asked for the first and, after a
 * line, for the second. `npx vitest run test/golden/redfish.test.ts -u` rewrites them.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Point } from "../../telemetry/index.ts";
import { fieldFacts, problemOf } from "../../telemetry/index.ts";
import { never } from "../drivers/modbus/world.ts";
import { goldenTree, startWorld } from "../drivers/redfish/world.ts";

const folder = join(import.meta.dirname, "drivers/redfish");

function lineOf({ measurement, tags = {}, fields }: Point): string {
  const series = [measurement, ...Object.entries(tags).map(([tag, name]) => `${tag}=${name}`)];
  const values = Object.entries(fields).map(([field, value]) => {
    return `${field}=${value}${fieldFacts(measurement, field)?.type === "integer" ? "i" : ""}`;
  });
  return `${series.join(",")} ${values.join(",")}\n`;
}

describe.each(readdirSync(folder))("%s", (name) => {
  test("gives these points for these requests", async () => {
    await using world = await startWorld(goldenTree(name));
    const { mockup, session } = world;
    const { points, faults } = await session.read(["all"], never);
    expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
    const first = mockup.requests.splice(0);
    await session.read(["all"], never);
    const requests = [...first, "", ...mockup.requests].map((line) => `${line}\n`).join("");
    const golden = (file: string): string => join(folder, name, file);
    await expect(points.map(lineOf).toSorted().join("")).toMatchFileSnapshot(golden("expected.lp"));
    const told = faults.map(({ code, at }) => `${code} ${at}\n`).join("");
    await expect(told).toMatchFileSnapshot(golden("expected.err"));
    await expect(requests).toMatchFileSnapshot(golden("expected.requests"));
  });
});

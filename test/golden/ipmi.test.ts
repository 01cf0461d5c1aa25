/**
 * Golden controllers: `device/` holds what the tools printed (`.txt`) and said (`.err`) for each
 * part, `expected.lp` the points, `expected.err` the faults, `expected.requests` the calls.
 * `npx vitest run test/golden/ipmi.test.ts -u` rewrites what is expected.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readYaml } from "../../config/index.ts";
import type { Point } from "../../telemetry/index.ts";
import { explainError, fieldFacts, isRecord, problemOf } from "../../telemetry/index.ts";
import { never } from "../drivers/modbus/world.ts";
import { openServer, startTools } from "../drivers/ipmi/world.ts";

const folder = join(import.meta.dirname, "drivers/ipmi");

function lineOf({ measurement, tags = {}, fields }: Point): string {
  const series = [measurement, ...Object.entries(tags).map(([tag, name]) => `${tag}=${name}`)];
  const values = Object.entries(fields).map(([field, value]) => {
    return `${field}=${value}${fieldFacts(measurement, field)?.type === "integer" ? "i" : ""}`;
  });
  return `${series.join(",")} ${values.join(",")}`;
}

async function recordingOf(device: string): Promise<Record<string, string>> {
  const recording: Record<string, string> = {};
  for (const name of await readdir(device)) {
    recording[name] = await readFile(join(device, name), "utf8");
  }
  return recording;
}

async function replay(at: string) {
  const { data } = await readYaml(join(at, "config.yaml"));
  const devices = isRecord(data) ? data["devices"] : undefined;
  const options = isRecord(devices) ? devices["device"] : undefined;
  if (!isRecord(options)) throw new Error(`${at}/config.yaml has no device`);
  await using tools = await startTools(await recordingOf(join(at, "device")));
  await using server = await openServer({ ...options, folder: tools.folder });
  const lp: string[] = [];
  const err: string[] = [];
  try {
    const { points, faults } = await server.session.read(server.groups, never);
    expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
    lp.push(...points.map(lineOf));
    err.push(...faults.map(({ code, at }) => `${code} ${at}`));
  } catch (error) {
    err.push(explainError(error).split("\n", 1)[0] ?? "");
  }
  return { lp, err, requests: tools.asked() };
}

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

describe("golden controllers", async () => {
  test.each(await readdir(folder))("%s", async (subject) => {
    const at = join(folder, subject);
    const { lp, err, requests } = await replay(at);
    await expect(text(lp)).toMatchFileSnapshot(join(at, "expected.lp"));
    await expect(text(err)).toMatchFileSnapshot(join(at, "expected.err"));
    await expect(text(requests)).toMatchFileSnapshot(join(at, "expected.requests"));
  });
});

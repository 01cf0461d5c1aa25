/**
 * Entities held against the Smart Data Models' own list of attributes, and expanded by a JSON-LD
 * processor: what is written with the core context alone means what a model's context would say.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Entity } from "../../telemetry/index.ts";
import { entitiesOf, measurements, writtenEntity } from "../../telemetry/index.ts";
import { needsPip } from "../peers.ts";
import { anyDevice, anyPoint, anyTime } from "../telemetry/ngsi-ld/batches.ts";

const hasModels = needsPip("pysmartdatamodels", "0.8.2.0");
const hasProcessor = needsPip("pyld", "3.3.0");

/** What the models have to say against entities. */
function complaints(entities: readonly Entity[]): unknown {
  const input = entities.map((entity) => ({
    short: writtenEntity(entity, "short"),
    full: writtenEntity(entity, "full"),
  }));
  const script = join(import.meta.dirname, "smart_data_models.py");
  const options = { input: JSON.stringify(input), encoding: "utf8" } as const;
  const { stdout, stderr } = spawnSync("/usr/bin/python3", [script], options);
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout);
}

describe.skipIf(!hasModels || !hasProcessor)("Smart Data Models", { timeout: 120_000 }, () => {
  test("have every attribute of every field of the register, of that type and meaning", () => {
    const location = { latitude: 48.1, longitude: 11.6 };
    const address = { region: "local", org: "main", site: "hall", class: "power", device: "m1" };
    const device = { address, place: { zone: "h1" }, vendor: "V", model: "M", location };
    const state = { state: "offline", reason: "E_MODBUS_TIMEOUT", since: 1 };
    const entities = Object.entries(measurements).flatMap(([measurement, { fields, ...entry }]) => {
      const given = Object.fromEntries(Object.keys(fields).map((field) => [field, 1]));
      const tags = "channel" in entry ? { [entry.channel]: "L1" } : {};
      const points = [{ measurement, tags, fields: { ...given, q: 0 } }];
      return entitiesOf({ ...device, state }, { points, time: 1_800_000_000_000 });
    });
    expect(new Set(entities.map(({ type }) => type)).size).toBe(12);
    expect(complaints(entities)).toEqual([]);
  });

  test("have nothing against any batch", () => {
    const batch = fc.tuple(anyDevice, fc.array(anyPoint, { maxLength: 6 }), anyTime);
    const entities = fc.sample(batch, 300).flatMap(([device, points, time]) => {
      return entitiesOf(device, { points, time });
    });
    expect(complaints(entities)).toEqual([]);
  });
});

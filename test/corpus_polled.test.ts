/**
 * The corpus of the polled drivers: every profile that ships parses, says where its facts come
 * from, uses the register's names, and gives each of its fields from a simulated device.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Profile, ProfileParts } from "../config/index.ts";
import { profileSchema, readYaml, validate } from "../config/index.ts";
import type { DriverKind } from "../drivers/index.ts";
import { addressOf as meterAddress, encodeDecimal } from "../drivers/dlt645/frame.ts";
import { dlt645 } from "../drivers/dlt645/index.ts";
import type { Dlt645Field } from "../drivers/dlt645/profile.ts";
import { dlt645Profile } from "../drivers/dlt645/profile.ts";
import { mbus } from "../drivers/mbus/index.ts";
import { mbusProfile } from "../drivers/mbus/profile.ts";
import { sdi12 } from "../drivers/sdi12/index.ts";
import type { Sdi12Field } from "../drivers/sdi12/profile.ts";
import { sdi12Profile } from "../drivers/sdi12/profile.ts";
import { addressOf as umbAddress } from "../drivers/umb/frame.ts";
import { umb } from "../drivers/umb/index.ts";
import type { UmbField } from "../drivers/umb/profile.ts";
import { umbProfile } from "../drivers/umb/profile.ts";
import { problemOf, unitOf } from "../telemetry/index.ts";
import { never } from "./drivers/modbus/world.ts";
import { dlt645Meter, sdi12Sensor, umbDevice } from "./drivers/polled/slaves.ts";
import type { Slave } from "./drivers/polled/world.ts";
import { openAt, startServer } from "./drivers/polled/world.ts";

interface Family<Field> {
  readonly kind: DriverKind;
  readonly profiles: ReadonlyMap<string, Profile<unknown, Field>>;
  /** As the driver takes them. */
  readonly data: ReadonlyMap<string, unknown>;
}

async function familyOf<Header, Field>(
  kind: DriverKind,
  parts: ProfileParts<Header, Field>,
): Promise<Family<Field>> {
  const folder = join(import.meta.dirname, "../config/profiles", kind.name);
  const form = profileSchema(kind.name, parts);
  const profiles = new Map<string, Profile<Header, Field>>();
  const data = new Map<string, unknown>();
  for (const name of await readdir(folder)) {
    const file = await readYaml(join(folder, name));
    profiles.set(name, validate(form, file));
    data.set(name, file.data);
  }
  return { kind, profiles, data };
}

const meters = await familyOf(dlt645, dlt645Profile);
const heat = await familyOf(mbus, mbusProfile);
const sensors = await familyOf(sdi12, sdi12Profile);
const stations = await familyOf(umb, umbProfile);

describe.each([meters, heat, sensors, stations])("profiles of $kind.name", ({ profiles }) => {
  describe.each([...profiles])("%s", (name, { id, sources, caveats, points }) => {
    test("is called after its id, and says where its facts come from", () => {
      expect(`${id}.yaml`).toBe(name);
      for (const source of sources) expect(source.length).toBeGreaterThan(10);
      for (const caveat of caveats) expect(caveat).toMatch(/^[A-Z0-9].*\.$/);
    });

    test("gives points that the register knows, fields of its own with a unit, each once", () => {
      const series = points.map(({ measurement, tags = {} }) =>
        JSON.stringify([measurement, tags]),
      );
      expect(new Set(series).size).toBe(series.length);
      for (const { measurement, tags = {}, fields } of points) {
        const ones = Object.fromEntries(Object.keys(fields).map((field) => [field, 1]));
        expect(problemOf({ measurement, tags, fields: ones })).toBeUndefined();
        for (const field of Object.keys(fields)) expect(unitOf(field)).toBeDefined();
      }
    });
  });
});

function fieldsOf<Field>({ points }: Profile<unknown, Field>): Field[] {
  return points.flatMap(({ fields }) => Object.values(fields));
}

/** A code that the field knows, or a small number. */
function codeOf(states: Readonly<Record<string, number>> | undefined, index: number): number {
  return Number(Object.keys(states ?? {})[0] ?? index + 10);
}

function meterOf(fields: readonly Dlt645Field[]): Slave {
  const blocks = new Map<string, Uint8Array>();
  for (const [index, { identifier, at, bytes, states }] of fields.entries()) {
    const block = new Uint8Array(60);
    block.set(blocks.get(identifier) ?? []);
    block.set(encodeDecimal(codeOf(states, index), bytes), at);
    blocks.set(identifier, block);
  }
  return dlt645Meter(meterAddress("7"), blocks);
}

function sensorOf(fields: readonly Sdi12Field[]): Slave {
  const measurements = fields.map(({ command }) => {
    const values = Array.from({ length: 9 }, (_, index) => `+${index + 1}`);
    return [command, { values }] as const;
  });
  return sdi12Sensor("0", Object.fromEntries(measurements));
}

function stationOf(fields: readonly UmbField[]): Slave {
  const channels = fields.map(({ channel, states }, index) => {
    const raw = new Uint8Array(4);
    new DataView(raw.buffer).setFloat32(0, codeOf(states, index), true);
    return [channel, { type: 0x16, raw }] as const;
  });
  return umbDevice(umbAddress(7, 1), new Map(channels));
}

interface Simulated<Field> extends Family<Field> {
  readonly slave: (fields: readonly Field[]) => Slave;
}

/** Every profile of a family with a device that has all of it. */
function simulated<Field>({ kind, profiles, data, slave }: Simulated<Field>) {
  return [...profiles].map(([name, profile]) => {
    return { name, kind, profile, data: data.get(name), slave: slave(fieldsOf(profile)) };
  });
}

test.each([
  ...simulated({ ...meters, slave: meterOf }),
  ...simulated({ ...sensors, slave: sensorOf }),
  ...simulated({ ...stations, slave: stationOf }),
])("$name gives each of its fields", async ({ kind, profile, data, slave }) => {
  await using place = await startServer(slave);
  await using device = await openAt(kind, place, { profile: data });
  const groups = device.session.groups.map(({ name }) => name);
  const { points, faults } = await device.session.read(groups, never);
  expect(faults).toEqual([]);
  const given = points.map(({ measurement, fields }) => {
    return [measurement, Object.keys(fields).filter((field) => field !== "q")];
  });
  const wanted = profile.points.map(({ measurement, fields }) => [
    measurement,
    Object.keys(fields),
  ]);
  expect(given).toEqual(wanted);
});

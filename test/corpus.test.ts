/**
 * The corpus: every device profile that ships parses, says where its facts come from, uses the
 * register's names, contradicts neither itself nor its neighbours, and is read back exactly from
 * a simulated device over TCP.
 */
import { describe, expect, test } from "vitest";
import { problemOf, unitOf, withRangeQuality } from "../telemetry/index.ts";
import type { Point } from "../telemetry/index.ts";
import { clock } from "../cli/platform.ts";
import { modbus } from "../drivers/modbus/index.ts";
import { simulate } from "../drivers/modbus/simulator.ts";
import { rowsOf } from "../drivers/modbus/profile.ts";
import { placedProfile as profileOf, profileFiles, profileNames as names } from "./profiles.ts";
import { SeededEntropy, silentLog } from "./virtual.ts";
import type { ModbusProfile, PlacedField, Row } from "../drivers/modbus/profile.ts";

type Rule = ModbusProfile["header"]["identify"][number];

/** Whether one answer could please both rules, which ask the same register. */
function alike(a: Rule, b: Rule): boolean {
  const answers = ({ equals }: Rule): unknown[] =>
    Array.isArray(equals) ? equals : equals === undefined ? [] : [equals];
  if (a.starts === undefined || b.starts === undefined) {
    return answers(a).some((answer) => answers(b).includes(answer));
  }
  return a.starts.startsWith(b.starts) || b.starts.startsWith(a.starts);
}

/** Whether a device that pleases one profile's fingerprint could please the other's. */
function confusable(a: ModbusProfile, b: ModbusProfile): boolean {
  const shared = a.header.identify.flatMap((rule) => {
    const other = b.header.identify.find(({ table, at }) => table === rule.table && at === rule.at);
    return other === undefined ? [] : [[rule, other] as const];
  });
  return shared.length > 0 && shared.every(([one, other]) => alike(one, other));
}

/** Two fields may share registers only when they take the very same ones for the same type. */
function contradict(a: PlacedField, b: PlacedField): boolean {
  if (a.span.table !== b.span.table) return false;
  const apart = a.span.at >= b.span.at + b.span.count || b.span.at >= a.span.at + a.span.count;
  return !apart && (a.span !== b.span || a.form.type !== b.form.type);
}

function seriesOf(row: Row): string {
  return `${row.measurement} ${row.channel}`;
}

/**
 * A value that the field can carry, worked out from the profile alone: a small raw number, other
 * for each field, times its scale.
 */
function carried({ form }: PlacedField, index: number): number {
  const states = [...(form.states?.values() ?? [])];
  if (states.length > 0) return states[index % states.length] ?? 0;
  if (form.bit || form.bits !== undefined) return index % 2;
  const raw =
    form.type.startsWith("float") && form.wanted !== "integer" ? index + 100.5 : index + 100;
  return form.wanted === "integer"
    ? Math.round(raw * form.scale + form.offset)
    : raw * form.scale + form.offset;
}

/** Without the last digits, which a scale such as 1/3 leaves to rounding. */
function tidy({ fields, ...rest }: Point): Point {
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === "number" ? Number(value.toPrecision(12)) : value,
  ]);
  return { ...rest, fields: Object.fromEntries(entries) };
}

function pointsOf(rows: readonly Row[]): Point[] {
  let index = 0;
  return rows.map(({ measurement, tags, fields }) => {
    const values = fields.map((field) => [field.name, carried(field, (index += 1))] as const);
    const point = { measurement, fields: Object.fromEntries(values) };
    return tags === undefined ? point : { ...point, tags };
  });
}

const never = new AbortController().signal;

describe("modbus profiles", () => {
  test("there are at least 24, each with an id and a fingerprint of its own", () => {
    const profiles = names.map(profileOf);
    expect(profiles.length).toBeGreaterThanOrEqual(24);
    expect(new Set(profiles.map(({ id }) => id)).size).toBe(profiles.length);
    const confused = profiles.flatMap((a, index) =>
      profiles.slice(index + 1).flatMap((b) => (confusable(a, b) ? [`${a.id} ${b.id}`] : [])),
    );
    expect(confused).toEqual([]);
  });

  describe.each(names)("%s", (name) => {
    test("parses, and its file is called after its id", () => {
      expect(`${profileOf(name).id}.yaml`).toBe(name);
    });

    test("says where its facts come from and what to know in one sentence each", () => {
      const { sources, caveats } = profileOf(name);
      for (const source of sources) expect(source.length).toBeGreaterThan(10);
      for (const caveat of caveats) expect(caveat).toMatch(/^[A-Z0-9].*\.$/);
    });

    test("gives points that the register knows, fields of its own with a unit", () => {
      for (const row of rowsOf(profileOf(name))) {
        const fields = Object.fromEntries(row.fields.map((field) => [field.name, 1]));
        const { measurement, tags = {} } = row;
        expect(problemOf({ measurement, tags, fields })).toBeUndefined();
        for (const field of row.fields) expect(unitOf(field.name)).toBeDefined();
      }
    });

    test("is read back exactly from a simulated device over TCP", async () => {
      const profile = profileFiles.get(name)?.data;
      const points = pointsOf(rowsOf(profileOf(name)));
      await using device = await simulate({ profile, listen: {}, clock });
      for (const { measurement, tags = {}, fields } of points) {
        device.set(measurement, Object.values(tags)[0] ?? "", fields);
      }
      const context = {
        clock,
        entropy: new SeededEntropy(),
        log: silentLog,
        buses: {},
      };
      await using driver = modbus.create(context);
      const options = { address: device.address };
      await using session = await driver.open({ id: "device", options, profile });
      const groups = session.groups.map((group) => group.name);
      const reading = await session.read(groups, never);
      expect(reading.faults).toEqual([]);
      const expected = points.map((point) => {
        return { ...point, fields: withRangeQuality(point.measurement, point.fields) };
      });
      expect(reading.points.map(tidy)).toEqual(expected.map(tidy));
    });

    test("gives each series once", () => {
      const series = rowsOf(profileOf(name)).map(seriesOf);
      expect(new Set(series).size).toBe(series.length);
    });

    test("reads no register as two things", () => {
      const fields = rowsOf(profileOf(name)).flatMap((row) => row.fields);
      const pairs = fields.flatMap((a, index) =>
        fields.slice(index + 1).flatMap((b) => (contradict(a, b) ? [`${a.name} ${b.name}`] : [])),
      );
      expect(pairs).toEqual([]);
    });
  });
});

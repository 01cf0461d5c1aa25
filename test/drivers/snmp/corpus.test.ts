/**
 * The corpus: every profile that ships parses, says where its facts come from, uses the register's
 * names, is told from the others, and gives each of its fields from an agent that has all of it.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { profileSchema, readYaml, validate } from "../../../config/index.ts";
import { nameColumns } from "../../../drivers/snmp/channel.ts";
import { snmp } from "../../../drivers/snmp/index.ts";
import type { SnmpForm, SnmpProfile } from "../../../drivers/snmp/profile.ts";
import { snmpProfile } from "../../../drivers/snmp/profile.ts";
import type { PlannedRow } from "../../../drivers/snmp/rows.ts";
import { rowsOf } from "../../../drivers/snmp/rows.ts";
import { problemOf, unitOf } from "../../../telemetry/index.ts";
import { contextWith, never } from "../modbus/world.ts";
import { startAgent } from "./agent.ts";
import { encode, integer } from "./ber.ts";

const folder = join(import.meta.dirname, "../../../config/profiles/snmp");
const form = profileSchema("snmp", snmpProfile);

interface Shipped {
  readonly data: unknown;
  readonly profile: SnmpProfile;
}

const shipped = new Map<string, Shipped>();
for (const name of (await readdir(folder)).toSorted()) {
  const file = await readYaml(join(folder, name));
  shipped.set(name, { data: file.data, profile: validate(form, file) });
}

// [RFC 2578 7.1.2]
/** Puts all that one form of a field needs into a walk, at a row of its own. */
function fill(walk: Map<string, Buffer>, one: SnmpForm, spot: { row: PlannedRow; index: string }) {
  const { row, index } = spot;
  const full = one.tail === undefined ? index : `${index}.${one.tail}`;
  const at = (name: string): string =>
    row.isTable && !name.endsWith(".0") ? `${name}.${full}` : name;
  const state = Object.keys(one.states ?? {})[0];
  const code = state === undefined ? 50 : Number(state);
  if (!walk.has(at(one.at))) walk.set(at(one.at), integer(code));
  for (const { at: other, equals } of one.when) {
    walk.set(at(other), integer([equals].flat()[0] ?? 0));
  }
  for (const { at: other, exponents } of one.powers) {
    walk.set(at(other), integer(exponents === undefined ? 0 : 9));
  }
  for (const column of nameColumns(row.tag?.[1] ?? "")) {
    walk.set(`${column}.${index}`, encode(0x04, Buffer.from(`name ${index}`)));
  }
}

function fullWalk(profile: SnmpProfile): Map<string, Buffer> {
  const walk = new Map<string, Buffer>();
  let number = 0;
  for (const row of rowsOf(profile)) {
    for (const { entry } of row.fields) {
      number += 1;
      const [first] = entry;
      if (first !== undefined) fill(walk, first, { row, index: `1.1.${number}` });
    }
  }
  return walk;
}

describe.each([...shipped])("%s", (name, { data, profile }) => {
  test("is called after its id, and says where its facts come from", () => {
    expect(`${profile.id}.yaml`).toBe(name);
    for (const source of profile.sources) expect(source.length).toBeGreaterThan(10);
    for (const caveat of profile.caveats) expect(caveat).toMatch(/^[A-Z0-9].*\.$/);
  });

  test("is told by a sysObjectID that no other profile takes", () => {
    const others = [...shipped.values()].filter((other) => other.profile !== profile);
    const theirs = others.flatMap((other) => other.profile.header.identify);
    for (const one of profile.header.identify) {
      expect(theirs.filter((other) => `${one}.`.startsWith(`${other}.`))).toEqual([]);
    }
  });

  test("gives each of its fields, which the register knows", async () => {
    await using agent = await startAgent(fullWalk(profile));
    await using driver = snmp.create(contextWith());
    const options = { address: agent.address };
    await using session = await driver.open({ id: "device", options, profile: data });
    const groups = session.groups.map((group) => group.name);
    const { points, faults } = await session.read(groups, never);
    expect(faults).toEqual([]);
    const given = new Set<string>();
    for (const point of points) {
      expect(problemOf(point)).toBeUndefined();
      for (const field of Object.keys(point.fields)) given.add(`${point.measurement} ${field}`);
    }
    for (const { measurement, fields } of profile.points) {
      for (const field of Object.keys(fields)) {
        expect(given).toContain(`${measurement} ${field}`);
        expect(unitOf(field)).toBeDefined();
      }
    }
  });
});

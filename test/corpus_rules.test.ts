/**
 * Rules over all profiles that ship, which catch what a slip of the pen does: a scale that no
 * device could have, a float between two others, a fingerprint that half the devices of a bus
 * would please, a swapped word that nobody is told of.
 */
import { describe, expect, test } from "vitest";
import { decodeField, encodeField } from "../drivers/modbus/field.ts";
import { RegisterImage } from "../drivers/modbus/image.ts";
import type { Table } from "../drivers/modbus/pdu.ts";
import type { ModbusProfile, PlacedField } from "../drivers/modbus/profile.ts";
import { rowsOf } from "../drivers/modbus/profile.ts";
import type { Order, ValueType } from "../drivers/modbus/values.ts";
import { decodeRaw, encodeRaw, typeWords } from "../drivers/modbus/values.ts";
import { placedProfile, profileNames } from "./profiles.ts";

const profiles = profileNames.map(placedProfile);

interface OneField extends PlacedField {
  /** `eastron-sdm630 meter_phase.voltage_v`. */
  readonly label: string;
  readonly measurement: string;
}

function fieldsOf(profile: ModbusProfile): OneField[] {
  return rowsOf(profile).flatMap(({ measurement, fields }) =>
    fields.map((field) => ({
      ...field,
      measurement,
      label: `${profile.id} ${measurement}.${field.name}`,
    })),
  );
}

/** What a device in service shows, and how coarse it may show it. */
const usual: readonly (readonly [RegExp, value: number, tolerance: number])[] = [
  [/^voltage_(ll_)?v$/, 231.4, 0.004],
  [/^frequency_hz$/, 50.02, 0.02],
  [/^power_factor_ratio$/, 0.95, 0.02],
  [/^current_a$/, 12, 0.1],
  [/^active_power_w$/, 24_000, 0.05],
  [/^(import|energy)_wh_total$/, 12_345_678, 0.01],
  [/^(temp|dewpoint|coolant|supply_air|return_air|water_supply|water_return)_c$/, 21.5, 0.05],
  [/^rh_pct$/, 45.5, 0.05],
  [/^pressure_pa$/, 101_300, 0.01],
  [/^(battery_charge|load|fan|valve|fuel)_pct$/, 42, 0.05],
  [/^wind_mps$/, 7.5, 0.1],
  [/^wind_deg$/, 215, 0.05],
  [/^co2_ppm$/, 640, 0.05],
];

/** Measurements of mains power: a charger of 12 V and a sensor at its terminals are not. */
const mains = new Set(["meter_phase", "energy_meter", "rack_power", "rack_phase", "genset"]);
const dcFields = /^(voltage_v|current_a|energy_wh_total)$/;

/** What a field makes of a usual value: what it would show, or why it cannot. */
function shown({ form, span }: OneField, value: number): number | string {
  try {
    const current = new Uint16Array(span.count);
    return Number(decodeField(form, encodeField(form, value, { current })));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function implausible(field: OneField): string[] {
  if (field.form.states !== undefined || field.exponent !== undefined) return [];
  if (dcFields.test(field.name) && !mains.has(field.measurement)) return [];
  const rule = usual.find(([pattern]) => pattern.test(field.name));
  if (rule === undefined) return [];
  const [, value, tolerance] = rule;
  const got = shown(field, value);
  const near = typeof got === "number" && Math.abs(got - value) <= tolerance * Math.abs(value);
  return near ? [] : [`${field.label}: ${value} comes out as ${got}`];
}

type Words = (table: Table, at: number) => number;
/** What this file asks of a rule; a rule of another kind than a register has no `at`. */
interface Rule {
  readonly table: Table;
  readonly at?: number | undefined;
  readonly type: ValueType;
  readonly order?: Order | undefined;
  readonly length?: number | undefined;
  readonly equals?: unknown;
  readonly starts?: string | readonly string[] | undefined;
}

interface RegisterRule extends Rule {
  readonly at: number;
}

/** Rules that a register proves. */
function registerRules({ header }: ModbusProfile): RegisterRule[] {
  const rules: readonly Rule[] = header.identify;
  return rules.flatMap((rule) => {
    const { at } = rule;
    const proves = rule.equals !== undefined || rule.starts !== undefined;
    return at === undefined || !proves ? [] : [{ ...rule, at }];
  });
}

function listed(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? given : given === undefined ? [] : [given];
}

function pleases(rule: RegisterRule, words: Words): boolean {
  const length = typeWords[rule.type] || (rule.length ?? 1);
  const read = Uint16Array.from({ length }, (_, index) => words(rule.table, rule.at + index));
  const raw = String(decodeRaw(read, rule.type, rule.order ?? "ABCD"));
  if (rule.starts !== undefined) {
    return listed(rule.starts).some((start) => raw.startsWith(String(start)));
  }
  return listed(rule.equals).some((answer) => String(answer) === raw.trim());
}

function recognised(profile: ModbusProfile, words: Words): boolean {
  const rules = registerRules(profile);
  return rules.length > 0 && rules.every((rule) => pleases(rule, words));
}

/** A device of a profile: small values in all its fields, and its identity; 0 elsewhere. */
function deviceOf(profile: ModbusProfile): Words {
  const image = new RegisterImage(profile);
  for (const { table, at, type, order = "ABCD", length = 1, ...rule } of registerRules(profile)) {
    const [answer] = listed(rule.starts ?? rule.equals);
    const raw = typeof answer === "number" ? answer : String(answer);
    const words = encodeRaw(raw, type, { order, length });
    for (const [index, word] of words.entries()) image.poke(table, at + index, word);
  }
  return (table, at) => image.words({ table, at, count: 1 })[0] ?? 0;
}

describe("the library", () => {
  test("has 66 profiles or more, and some of each kind of device", () => {
    expect(profiles.length).toBeGreaterThanOrEqual(66);
    const counts = new Map<string, number>();
    for (const profile of profiles) {
      for (const measurement of new Set(profile.points.map((point) => point.measurement))) {
        counts.set(measurement, (counts.get(measurement) ?? 0) + 1);
      }
    }
    const twice = [
      "energy_meter",
      "meter_phase",
      "pdu_outlet",
      "ups",
      "cooling",
      "genset",
      "thermal",
      "environment",
      "leak",
      "digital_io",
      "street_light",
      "water_level",
    ];
    expect(twice.filter((measurement) => (counts.get(measurement) ?? 0) < 2)).toEqual([]);
    const once = ["cdu", "dc_supply", "parking", "traffic"];
    expect(once.filter((measurement) => !counts.has(measurement))).toEqual([]);
  });

  test("trusts highly only what two sources say, or its own maps", () => {
    const alone = profiles.filter(
      ({ confidence, sources, vendor }) =>
        confidence === "high" && sources.length < 2 && vendor !== "rackstreet",
    );
    expect(alone.map(({ id }) => id)).toEqual([]);
  });

  test("says so where words come low first", () => {
    const silent = profiles.filter((profile) => {
      const swapped = fieldsOf(profile).some(
        ({ form, span }) => span.count > 1 && (form.order === "CDAB" || form.order === "DCBA"),
      );
      return swapped && !profile.caveats.some((caveat) => /\bword/.test(caveat));
    });
    expect(silent.map(({ id }) => id)).toEqual([]);
  });

  test("has no float between the registers of others", () => {
    // Two floats less than three pairs apart belong to one row of the table.
    const between = profiles.flatMap((profile) => {
      const floats = fieldsOf(profile).filter(({ form }) => form.type === "float32");
      return floats.filter(({ span }) =>
        floats.some(
          (other) =>
            other.span.table === span.table &&
            Math.abs(other.span.at - span.at) < 6 &&
            (other.span.at - span.at) % 2 !== 0,
        ),
      );
    });
    expect(between.map(({ label }) => label)).toEqual([]);
  });

  test("scales every usual quantity so that a usual value fits and shows", () => {
    expect(profiles.flatMap((profile) => fieldsOf(profile).flatMap(implausible))).toEqual([]);
  });

  test("unwraps counters of 16 bits", () => {
    const bare = profiles.flatMap((profile) =>
      fieldsOf(profile).filter(
        ({ name, form, wraps }) =>
          name.endsWith("_total") && form.type.endsWith("int16") && wraps === undefined,
      ),
    );
    expect(bare.map(({ label }) => label)).toEqual([]);
  });

  test("takes power and energy of one device in steps that belong together", () => {
    // A meter whose power is right by a thousand and whose energy is not has a unit forgotten.
    const apart = profiles.flatMap((profile) => {
      const scales = fieldsOf(profile)
        .filter(({ name, form }) => name === "import_wh_total" && form.type === "float32")
        .map(({ form }) => form.scale);
      return new Set(scales).size > 1 ? [profile.id] : [];
    });
    expect(apart).toEqual([]);
  });

  test("gives each phase of a device the same fields in the same steps", () => {
    const unlike = profiles.flatMap((profile) => {
      const phases = rowsOf(profile).filter(({ channel }) => /^L[123]$/.test(channel));
      const first = new Map(phases[0]?.fields.map((field) => [field.name, field.form]));
      return phases.flatMap(({ channel, fields }) =>
        fields
          .filter(({ name, form }) => {
            const like = first.get(name);
            return like !== undefined && (like.scale !== form.scale || like.type !== form.type);
          })
          .map(({ name }) => `${profile.id} ${channel}.${name}`),
      );
    });
    expect(unlike).toEqual([]);
  });
});

describe("fingerprints", () => {
  const images = new Map(profiles.map((profile) => [profile.id, deviceOf(profile)]));

  test("please a device of their own profile", () => {
    const missed = profiles.filter((profile) => {
      const words = images.get(profile.id) ?? (() => 0);
      return registerRules(profile).length > 0 && !recognised(profile, words);
    });
    expect(missed.map(({ id }) => id)).toEqual([]);
  });

  test("please no device of another profile", () => {
    const wrong = profiles.flatMap((profile) =>
      [...images]
        .filter(([id, words]) => id !== profile.id && recognised(profile, words))
        .map(([id]) => `${profile.id} takes ${id}`),
    );
    expect(wrong).toEqual([]);
  });

  test.each<readonly [string, Words]>([
    ["zeros", () => 0],
    ["ones", () => 0xffff],
    ["its own addresses", (_table, at) => at],
    ["the same small number everywhere", () => 1],
    ["spaces", () => 0x2020],
  ])("please no device that answers %s", (_name, words) => {
    const taken = profiles.filter((profile) => recognised(profile, words));
    expect(taken.map(({ id }) => id)).toEqual([]);
  });

  test("read registers that their profile allows", () => {
    const barred = profiles.filter((profile) =>
      registerRules(profile).some(({ at }) =>
        profile.header.forbid.some(([from, to]) => at >= from && at <= to),
      ),
    );
    expect(barred.map(({ id }) => id)).toEqual([]);
  });
});

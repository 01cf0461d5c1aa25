/**
 * Which field of the register a sensor is. Its unit decides, and its name only where the name
 * leaves no doubt: makers name sensors as they like, and a value in the wrong field is worse than
 * one in a general field.
 *
 *   temperatures  thermal, or the server's air where the name says inlet or exhaust
 *   fans          fan: speed in rpm or percent, and what the thresholds say
 *   electrical    power_supply where the name says PSU 1 and input or output, else
 *                 electrical_sensor
 *   discrete      the health of power supplies, from the states of sensor type 08h [IPMI-2.0 42.2]
 */
import type { Sensor, Unit } from "./found.ts";
import { fits, free, tagsOf } from "./names.ts";
import type { IpmiOptions } from "./options.ts";
import type { Part, Rows, Value } from "./rows.ts";
import { server } from "./rows.ts";

export type Choice = Pick<IpmiOptions, "only" | "skip" | "rename">;

/** A sensor that is wanted, under its tag. */
interface Chosen {
  readonly sensor: Sensor;
  readonly tag: string;
}

/** Puts the values of all sensors that are wanted where they belong. */
export function placeSensors(rows: Rows, sensors: readonly Sensor[], choice: Choice): void {
  const chosen = choose(sensors, choice);
  const air = new Map([
    ["inlet_c", theOnly(chosen, inletWords)],
    ["exhaust_c", theOnly(chosen, exhaustWords)],
  ]);
  for (const one of chosen) {
    const { value } = one.sensor;
    if (value === undefined) placeStates(rows, one);
    else if (value.unit === "c") {
      const field = [...air].find(([, sensor]) => sensor === one.sensor)?.[0];
      if (field === undefined) placeThermal(rows, one, "temp_c");
      else rows.add(server, field, valueOf(one.sensor, value.number));
    } else if (isFan(one)) placeFan(rows, one);
    else if (value.unit === "pct") placeHumidity(rows, one);
    else placeElectrical(rows, one);
  }
}

function choose(sensors: readonly Sensor[], { only, skip, rename }: Choice): Chosen[] {
  const tags = tagsOf(sensors);
  const taken = new Set(tags.values());
  return sensors.flatMap((sensor) => {
    const tag = tags.get(sensor) ?? "";
    const wanted = only === undefined || fits(sensor.name, only) || fits(tag, only);
    if (!wanted || fits(sensor.name, skip) || fits(tag, skip)) return [];
    const own = renamed(rename, tag) ?? renamed(rename, sensor.name);
    return [{ sensor, tag: own === undefined || own === tag ? tag : free(own, taken) }];
  });
}

function renamed(rename: Choice["rename"], name: string): string | undefined {
  return Object.hasOwn(rename, name) ? rename[name] : undefined;
}

/** Words that may stand beside, when a name says which air it is. */
const plainWords =
  "air ambient temp temperature system sys server chassis board mb fp front rear".split(" ");
const inletWords: Words = { one: new Set(["inlet", "intake", "ambient"]), but: "exhaust" };
const exhaustWords: Words = { one: new Set(["exhaust", "outlet"]), but: "inlet" };

interface Words {
  readonly one: ReadonlySet<string>;
  readonly but: string;
}

/** The only temperature whose name says so; none where two do. */
function theOnly(chosen: readonly Chosen[], { one, but }: Words): Sensor | undefined {
  const found = chosen.filter(({ sensor }) => {
    if (sensor.value !== undefined && sensor.value.unit !== "c") return false;
    const words = wordsOf(sensor.name);
    const plain = words.every((word) => {
      return one.has(word) || plainWords.includes(word) || /^\d+$/.test(word);
    });
    return plain && words.some((word) => one.has(word)) && !words.includes(but);
  });
  return found.length === 1 ? found[0]?.sensor : undefined;
}

function wordsOf(name: string): string[] {
  return name.toLowerCase().match(/[a-z]+|\d+/g) ?? [];
}

function valueOf({ name, key, raw }: Sensor, value: number): Value {
  return { value, at: placeOf(name, key), raw: raw.replaceAll(/\s+/g, " ").trim() };
}

/** A place for people and for `meta`: the controller's own name, and number. */
function placeOf(name: string, key: string): string {
  return `sensor ${key} ${name}`.trim();
}

function placeThermal(rows: Rows, { sensor, tag }: Chosen, field: string): void {
  const part = { measurement: "thermal", channel: ["sensor", tag] } as const;
  rows.add(part, field, valueOf(sensor, sensor.value?.number ?? 0));
  placeHealth(rows, part, sensor);
}

function placeHealth(rows: Rows, part: Part, sensor: Sensor): void {
  if (sensor.health !== undefined) {
    rows.add(part, "health_state", valueOf(sensor, sensor.health));
  }
}

/** Entity 29: a fan, 30: a cooling unit. [IPMI-2.0 43.14] */
function isFan({ sensor: { name, kind, entity = "", value } }: Chosen): boolean {
  if (value?.unit === "rpm") return true;
  const named = kind === "Fan" || /^(?:29|30)\./.test(entity) || wordsOf(name).includes("fan");
  return value?.unit === "pct" && named;
}

function placeFan(rows: Rows, { sensor, tag }: Chosen): void {
  const part = { measurement: "fan", channel: ["fan", tag] } as const;
  const field = sensor.value?.unit === "rpm" ? "speed_rpm" : "speed_pct";
  rows.add(part, field, valueOf(sensor, sensor.value?.number ?? 0));
  placeHealth(rows, part, sensor);
}

/** A share of something is a field only where the name says of what. */
function placeHumidity(rows: Rows, chosen: Chosen): void {
  const words = wordsOf(chosen.sensor.name);
  if (words.includes("humidity") || words.includes("rh")) placeThermal(rows, chosen, "rh_pct");
}

type Electrical = Exclude<Unit, "c" | "rpm" | "pct">;

const electrical: Readonly<Record<Electrical, string>> = {
  v: "voltage_v",
  a: "current_a",
  w: "power_w",
  hz: "frequency_hz",
};

const ofSupply = {
  input: { v: "input_voltage_v", a: "input_a", w: "input_power_w", hz: "input_hz" },
  output: { v: "output_voltage_v", a: "output_a", w: "output_power_w", hz: undefined },
} as const satisfies Record<string, Readonly<Record<Electrical, string | undefined>>>;

function placeElectrical(rows: Rows, { sensor, tag }: Chosen): void {
  const { unit, number } = sensor.value ?? {};
  if (unit === undefined || number === undefined || !isElectrical(unit)) return;
  const value = valueOf(sensor, number);
  const supply = supplyNamed(sensor.name);
  const side = supply === undefined ? undefined : sideOf(sensor.name);
  const field = side === undefined ? undefined : ofSupply[side][unit];
  if (supply !== undefined && field !== undefined) {
    if (rows.add(supplyPart(supply), field, value)) return;
  }
  const part = { measurement: "electrical_sensor", channel: ["sensor", tag] } as const;
  rows.add(part, electrical[unit], value);
  placeHealth(rows, part, sensor);
}

function isElectrical(unit: Unit): unit is Electrical {
  return Object.hasOwn(electrical, unit);
}

function supplyPart(name: string): Part {
  return { measurement: "power_supply", channel: ["psu", name] };
}

/** `PS1 Input Volts`, `PSU2_VIN`, `Power Supply 1`: which supply a name speaks of. */
function supplyNamed(name: string): string | undefined {
  const number = /^(?:psu?|pws|power[ _-]?supply)[ _#-]{0,2}(\d{1,2})(?!\d)/i.exec(name)?.[1];
  return number === undefined ? undefined : `psu${Number(number)}`;
}

const inputs = new Set(["in", "input", "vin", "iin", "pin", "ac"]);
const outputs = new Set(["out", "output", "vout", "iout", "pout"]);

function sideOf(name: string): "input" | "output" | undefined {
  const words = wordsOf(name);
  const input = words.some((word) => inputs.has(word));
  const output = words.some((word) => outputs.has(word));
  if (input === output) return undefined;
  return input ? "input" : "output";
}

/** Entity 10: a power supply. */
const supplyEntity = /^10\.(\d+)$/;

/** What the states of a power supply say of its health, by either tool. [IPMI-2.0 42.2] */
const supplyStates: Readonly<Record<string, number>> = {
  "presence detected": 0,
  "power supply inactive": 0,
  "predictive failure": 1,
  "ac out-of-range": 1,
  "power supply input out-of-range, but present": 1,
  "failure detected": 2,
  "power supply failure detected": 2,
  "power supply ac lost": 2,
  "power supply input lost (ac/dc)": 2,
  "ac lost or out-of-range": 2,
  "power supply input lost or out-of-range": 2,
  "config error": 2,
  "configuration error": 2,
};

/** States of other sensors that stand for a supply that is not in its place. */
const absent = new Set(["device absent", "entity absent"]);
const absentState = 3;

function placeStates(rows: Rows, { sensor }: Chosen): void {
  const { name, kind, entity, states } = sensor;
  const entitled = supplyEntity.exec(entity ?? "")?.[1];
  const supply = supplyNamed(name) ?? (entitled === undefined ? undefined : `psu${entitled}`);
  if (supply === undefined || (kind !== undefined && kind !== "Power Supply")) return;
  const healths = states.flatMap((state) => healthOf(state) ?? []);
  if (healths.length === 0) return;
  const part = supplyPart(supply);
  const value = valueOf(sensor, Math.max(...healths));
  const before = rows.value(part, "health_state");
  if (before === undefined) rows.add(part, "health_state", value);
  else if (value.value > before) rows.replace(part, "health_state", value);
}

function healthOf(text: string): number | undefined {
  // `Config Error: Vendor Mismatch` is one too.
  const state = text.toLowerCase().replace(/^(config error):.*/, "$1");
  if (absent.has(state)) return absentState;
  return Object.hasOwn(supplyStates, state) ? supplyStates[state] : undefined;
}

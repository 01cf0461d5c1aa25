/**
 * What an engineer would notice in the readings of one device: values that cannot be, phases that
 * do not add up, current transformers the wrong way round. Pure; each remark is a sentence.
 */
import type { FieldValue, Point, Reading } from "../telemetry/index.ts";
import { fieldFacts } from "../telemetry/index.ts";
import { channelOf, shownValue } from "./values.ts";

/** Where values lie in a healthy installation. */
const healthy: Readonly<Record<string, readonly [low: number, high: number]>> = {
  frequency_hz: [45, 65],
  input_hz: [45, 65],
  output_hz: [45, 65],
  voltage_v: [80, 500],
  voltage_ll_v: [140, 900],
  input_voltage_v: [80, 500],
  output_voltage_v: [80, 500],
  power_factor_ratio: [-1, 1],
};

/** Measurement of the phases → measurement of their total. */
const totals: Readonly<Record<string, string>> = {
  meter_phase: "energy_meter",
  rack_phase: "rack_power",
};

/** Values that add up over phases. */
const summed = ["active_power_w", "apparent_power_va", "reactive_power_var"] as const;

/** A sum may be off by this share, and by this much at no load. */
const sumTolerance = { share: 0.05, least: 25 };

/** Power and the product of voltage, current and factor may differ by this share. */
const productTolerance = { share: 0.2, least: 50 };

/** Readings that must be alike before "nothing moves" is said, and values that could have moved. */
const stillAfter = { readings: 4, values: 3 };

/** Everything that is odd, the newest reading judged, all of them compared. */
export function remarksOn(readings: readonly Reading[]): string[] {
  const last = readings.at(-1);
  if (last === undefined) return [];
  return [
    ...last.points.flatMap((point) => [...valueRemarks(point), ...powerRemarks(point)]),
    ...phaseRemarks(last.points),
    ...counterRemarks(readings),
    ...stillRemarks(readings),
  ];
}

function* valueRemarks(point: Point): Generator<string> {
  for (const [field, value] of Object.entries(point.fields)) {
    if (typeof value !== "number" || field === "q") continue;
    const shown = `${nameOf(point, field)} is ${shownValue(point.measurement, field, value)}`;
    const range = fieldFacts(point.measurement, field)?.entry?.range;
    if (range !== undefined && (value < range[0] || value > range[1])) {
      yield `${shown}, which cannot be: look at type, order and scale in the profile`;
      continue;
    }
    const usual = healthy[field];
    if (usual === undefined || (value >= usual[0] && value <= usual[1])) continue;
    yield value === 0 ? `${shown}: is it connected?` : `${shown}, not within ${usual.join("..")}`;
  }
}

/** P = U · I · cos φ, on one phase. */
function* powerRemarks(point: Point): Generator<string> {
  const { active_power_w: power, voltage_v: voltage, current_a: current } = numbersOf(point);
  const { power_factor_ratio: factor } = numbersOf(point);
  if (!(point.measurement in totals) || power === undefined || factor === undefined) return;
  if (voltage === undefined || current === undefined) return;
  const product = voltage * current * factor;
  const most = Math.max(productTolerance.least, productTolerance.share * Math.abs(power));
  if (Math.abs(Math.abs(power) - Math.abs(product)) <= most) return;
  const shown = shownValue(point.measurement, "active_power_w", product);
  yield (
    `${nameOf(point, "active_power_w")} is ` +
    `${shownValue(point.measurement, "active_power_w", power)}, but U·I·cos φ is ${shown}: ` +
    "look at the transformers, their ratio, and the scale in the profile"
  );
}

function* phaseRemarks(points: readonly Point[]): Generator<string> {
  for (const [part, whole] of Object.entries(totals)) {
    const phases = points.filter((point) => point.measurement === part);
    if (phases.length < 2) continue;
    const powers = phases.map((point) => numbersOf(point)["active_power_w"] ?? 0);
    const back = phases.filter((_, index) => (powers[index] ?? 0) < 0);
    if (back.length > 0 && back.length < phases.filter((_, at) => powers[at] !== 0).length) {
      const names = back.map(channelOf).join(", ");
      yield `${names} feeds back while others draw: is a current transformer reversed?`;
    }
    const total = points.find((point) => point.measurement === whole);
    if (total !== undefined) yield* sumRemarks(phases, total);
  }
}

function* sumRemarks(phases: readonly Point[], total: Point): Generator<string> {
  for (const field of summed) {
    const parts = phases.map((point) => numbersOf(point)[field]);
    const whole = numbersOf(total)[field];
    if (whole === undefined || parts.includes(undefined)) continue;
    const sum = parts.reduce((all: number, part) => all + (part ?? 0), 0);
    const most = Math.max(sumTolerance.least, sumTolerance.share * Math.abs(whole));
    if (Math.abs(sum - whole) <= most) continue;
    const [shownSum, shownWhole] = [sum, whole].map((value) =>
      shownValue(total.measurement, field, value),
    );
    yield `${field}: the phases make ${shownSum}, the device says ${shownWhole}`;
  }
}

/** Counters that went back while the device was read. */
function* counterRemarks(readings: readonly Reading[]): Generator<string> {
  const seen = new Map<string, number>();
  for (const point of readings.flatMap((reading) => reading.points)) {
    for (const [field, value] of Object.entries(point.fields)) {
      if (!field.endsWith("_total") || typeof value !== "number") continue;
      const name = nameOf(point, field);
      const before = seen.get(name);
      if (before !== undefined && value < before) {
        yield `${name} went back from ${before} to ${value}`;
        return;
      }
      seen.set(name, value);
    }
  }
}

/** A device that repeats itself may be a gateway that only remembers. */
function* stillRemarks(readings: readonly Reading[]): Generator<string> {
  if (readings.length < stillAfter.readings) return;
  const [first, ...others] = readings.map(movable);
  if (first === undefined || first.length < stillAfter.values) return;
  const text = JSON.stringify(first);
  if (others.some((values) => JSON.stringify(values) !== text)) return;
  yield `no value moved in ${readings.length} readings: no load, or a gateway that only remembers`;
}

/** Values that move on their own where there is load. */
function movable({ points }: Reading): FieldValue[] {
  return points.flatMap((point) =>
    Object.entries(point.fields).flatMap(([field, value]) =>
      /_(w|va|var|a|v)$/.test(field) && value !== 0 ? [value] : [],
    ),
  );
}

function numbersOf({ fields }: Point): Readonly<Record<string, number | undefined>> {
  const numbers = Object.entries(fields).filter(([, value]) => typeof value === "number");
  return Object.fromEntries(numbers.map(([field, value]) => [field, Number(value)]));
}

function nameOf(point: Point, field: string): string {
  return [point.measurement, channelOf(point), field].filter((part) => part !== "").join(" ");
}

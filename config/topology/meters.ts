/**
 * Which measured series stands for an element: a device, a measurement, a channel and a field of
 * the register. What the file leaves out follows from what the device's profile reads.
 */
import { fieldFacts, measurementEntry, measurements } from "../../telemetry/index.ts";
import type { Profile } from "../profile.ts";
import { nearest } from "../validate.ts";
import type { Draft, TopologyProblem } from "./links.ts";
import type { MeterOptions } from "./options.ts";

/** One measured value over time. */
export interface Series {
  readonly device: string;
  readonly measurement: string;
  /** Value of the channel tag, or empty. */
  readonly channel: string;
  readonly field: string;
}

/** What a topology has to know of a device. */
export interface DeviceFacts {
  readonly id: string;
  readonly zone?: string | undefined;
  readonly rack?: string | undefined;
  /** What its profile reads; undefined where only the device itself knows. */
  readonly offers?: readonly Offer[] | undefined;
}

/** Rows of one measurement that a device gives. */
export interface Offer {
  readonly measurement: string;
  readonly channels: readonly string[];
  readonly fields: readonly string[];
}

export interface SiteFacts {
  readonly name: string;
  readonly devices: readonly DeviceFacts[];
}

/** What stands for a flow of power, in the order in which it is looked for. */
const powerFields: Readonly<Record<string, string>> = {
  rack_power: "active_power_w",
  energy_meter: "active_power_w",
  ups: "output_power_w",
  server: "power_w",
  genset: "active_power_w",
  cooling: "power_w",
  cdu: "power_w",
  host_power: "power_w",
  rack_phase: "active_power_w",
  meter_phase: "active_power_w",
  pdu_outlet: "active_power_w",
  pdu_breaker: "current_a",
  power_supply: "input_power_w",
  accelerator: "power_w",
  electrical_sensor: "power_w",
};

/** What a profile reads, as a topology wants to know it. */
export function offersOf(profile: Profile): readonly Offer[] {
  return profile.points.map(({ measurement, tags = {}, repeat, fields }) => {
    const [channel] = Object.values(tags);
    const { count, from } = repeat ?? { count: 1, from: 1 };
    const channels =
      channel === undefined
        ? []
        : Array.from({ length: count }, (_, at) => channel.replaceAll("{n}", String(from + at)));
    return { measurement, channels, fields: Object.keys(fields) };
  });
}

/** The series of a meter, which are added up. */
export function seriesOf(meter: MeterOptions, facts: DeviceFacts | undefined): readonly Series[] {
  const measurement = meter.measurement ?? totalOf(facts) ?? "";
  const field = meter.field ?? powerFields[measurement] ?? "";
  const [only = "", second] = channelsOf(facts, measurement);
  const usual = second === undefined ? [only] : [""];
  const channels = meter.channel.length > 0 ? meter.channel : usual;
  const { device } = meter;
  return channels.map((channel) => ({ device, measurement, channel, field }));
}

/** Of each device once, though it may be the meter of many elements. */
const totals = new WeakMap<DeviceFacts, string | undefined>();

/** The measurement that a device reads once when nobody says which. */
function totalOf(facts: DeviceFacts | undefined): string | undefined {
  if (facts === undefined) return undefined;
  if (!totals.has(facts)) totals.set(facts, findTotal(facts));
  return totals.get(facts);
}

function findTotal(facts: DeviceFacts): string | undefined {
  return Object.keys(powerFields).find((measurement) => {
    const field = powerFields[measurement] ?? "";
    const rows = facts.offers?.filter((offer) => offer.measurement === measurement) ?? [];
    return rows.some(({ fields }) => fields.includes(field)) && channelsIn(rows).length < 2;
  });
}

function channelsOf(facts: DeviceFacts | undefined, measurement: string): readonly string[] {
  return channelsIn(facts?.offers?.filter((offer) => offer.measurement === measurement) ?? []);
}

function channelsIn(rows: readonly Offer[]): readonly string[] {
  return [...new Set(rows.flatMap(({ channels }) => channels))];
}

/** What is wrong with the meters of one element. */
export function* meterProblems(
  { at, options }: Draft,
  devices: ReadonlyMap<string, DeviceFacts>,
): Generator<TopologyProblem> {
  const { meters } = options;
  for (const [index, meter] of meters.entries()) {
    const here = [...at, "meters", ...(meters.length > 1 ? [index] : [])];
    const facts = devices.get(meter.device);
    if (facts === undefined) {
      const message = `no device "${meter.device}"; ${near(meter.device, [...devices.keys()])}`;
      yield { at: [...here, "device"], message };
      continue;
    }
    const message = seriesProblem(meter, facts);
    if (message !== undefined) yield { at: here, message };
  }
}

/** `did you mean "r12"?`, or what there is. */
export function near(name: string, known: readonly string[]): string {
  const found = nearest(name, known);
  if (found !== undefined) return `did you mean "${found}"?`;
  return known.length === 0 ? "there is none" : `known: ${known.slice(0, 12).join(", ")}`;
}

function seriesProblem(meter: MeterOptions, facts: DeviceFacts): string | undefined {
  const { device, measurement } = meter;
  if (measurement === undefined && totalOf(facts) === undefined) {
    return `which measurement of ${device} is it? ${offered(facts)}`;
  }
  const [series] = seriesOf(meter, facts);
  if (series === undefined) return undefined;
  if (measurementEntry(series.measurement) === undefined) {
    const known = Object.keys(measurements);
    return `"${series.measurement}" is not in the register; ${near(series.measurement, known)}`;
  }
  if (series.field === "") return `which field of ${series.measurement} is it?`;
  const unit = fieldFacts(series.measurement, series.field)?.unit?.shown ?? "";
  if (!["W", "VA", "A"].includes(unit)) {
    return `${series.measurement}.${series.field} is no power and no current`;
  }
  return offerProblem(meter, series, facts);
}

/** Whether the device gives what is asked of it, where its profile says what it gives. */
function offerProblem(
  { device, channel }: MeterOptions,
  { measurement, field }: Series,
  facts: DeviceFacts,
): string | undefined {
  const rows = facts.offers?.filter((offer) => offer.measurement === measurement);
  if (rows?.length === 0) return `${device} gives no ${measurement}; ${offered(facts)}`;
  const tag = measurementEntry(measurement)?.channel;
  if (tag === undefined && channel.length > 0) return `${measurement} has no channel`;
  if (rows === undefined) return undefined;
  const channels = channelsIn(rows);
  if (channel.length === 0 && channels.length > 1) {
    return `which ${tag ?? "channel"} of ${device} is it? one of ${channels.join(", ")}`;
  }
  const strange = channel.find((name) => !channels.includes(name));
  if (strange !== undefined) {
    return `${device} gives no ${tag ?? "channel"} "${strange}"; ${near(strange, channels)}`;
  }
  const wanted = rows.filter(
    (offer) => channel.length === 0 || channel.some((name) => offer.channels.includes(name)),
  );
  if (wanted.some((offer) => offer.fields.includes(field))) return undefined;
  const fields = [...new Set(wanted.flatMap((offer) => offer.fields))];
  return `${device} gives no ${measurement}.${field}; ${near(field, fields)}`;
}

function offered({ offers }: DeviceFacts): string {
  const names = [...new Set(offers?.map(({ measurement }) => measurement))];
  return names.length === 0 ? "name one" : `it has ${names.join(", ")}`;
}

/** Reads what capacity is made of: means of windows, from 5 min roll-ups where they are kept. */
import type { Element, Phase, Series, Topology } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import type { Tags } from "../../telemetry/index.ts";
import {
  channelTagOf,
  fieldFacts,
  measurementEntry,
  rolledName,
  rollupName,
} from "../../telemetry/index.ts";
import type { MeterSamples, SeriesSamples } from "./meters.ts";
import type { Frame, Samples } from "./samples.ts";
import { windowsIn } from "./samples.ts";
import type { Measured } from "./usage.ts";

export interface Reading {
  readonly frame: Frame;
  /** @unit ms */
  readonly since: number;
  readonly least: number;
  /** Of the site: rows of others are not looked at. */
  readonly tags: Tags;
  /** Told after each element. */
  readonly progress?: (done: number, all: number) => void;
}

/** Windows that roll-ups are kept in. @unit ms */
export const rolledEvery = 300_000;

/** What a row says beside its power, by the measurement's own names. */
const companions = {
  apparent: ["apparent_power_va", "output_va"],
  powerFactor: ["power_factor_ratio"],
  voltage: ["voltage_v"],
} as const;

/** Where currents of phases rest. */
const phaseMeasurements = ["rack_phase", "meter_phase"] as const;

/** Worst quality that counts: 2 and worse are uncertain. */
const worstQuality = 1;

type Asked = Pick<Store, "query" | "measurements">;

interface Asking {
  readonly store: Asked;
  readonly stored: ReadonlySet<string>;
  readonly reading: Reading;
  readonly signal: AbortSignal;
}

/**
 * Of each element the first way of metering that has any row.
 * @throws E_STORE_DOWN, E_STORE_CONFIG, E_QUERY
 */
export async function readMeasured(
  topology: Topology,
  store: Asked,
  { reading, signal }: { readonly reading: Reading; readonly signal: AbortSignal },
): Promise<Measured> {
  const stored = new Set(await store.measurements(signal));
  const asking = { store, stored, reading, signal };
  const metered = [...topology.elements.values()].filter(({ meters }) => meters.length > 0);
  const meters = new Map<string, MeterSamples>();
  for (const [done, element] of metered.entries()) {
    for (const way of element.meters) {
      const samples = await readWay(topology, { element, way }, asking);
      if (samples === undefined) continue;
      meters.set(element.id, samples);
      break;
    }
    reading.progress?.(done + 1, metered.length);
  }
  const { frame, since, least } = reading;
  return { frame, since, least, meters };
}

async function readWay(
  topology: Topology,
  { element, way }: { readonly element: Element; readonly way: readonly Series[] },
  asking: Asking,
): Promise<MeterSamples | undefined> {
  const read: SeriesSamples[] = [];
  for (const series of way) {
    const samples = await readSeries(series, asking);
    if (samples === undefined) return undefined;
    read.push(samples);
  }
  const phases: Partial<Record<Phase, Samples>> = {};
  for (const phase of element.phases) {
    const found = await readPhase(topology, { element, way, phase }, asking);
    if (found === undefined) break;
    phases[phase] = found;
  }
  return { series: read, phases };
}

async function readSeries(
  { device, measurement, channel, field }: Series,
  asking: Asking,
): Promise<SeriesSamples | undefined> {
  const shown = fieldFacts(measurement, field)?.unit?.shown;
  const unit = (["W", "VA", "A"] as const).find((one) => one === shown);
  if (unit === undefined) return undefined;
  const known = Object.keys(measurementEntry(measurement)?.fields ?? {});
  const beside = (names: readonly string[]): string | undefined =>
    names.find((name) => known.includes(name) && name !== field);
  const apparent = beside(companions.apparent);
  const powerFactor = beside(companions.powerFactor);
  const voltage = beside(companions.voltage);
  const fields = [field, apparent, powerFactor, voltage].filter((one) => one !== undefined);
  const read = await readFields({ device, measurement, channel, fields }, asking);
  const of = (name: string | undefined): Samples | undefined =>
    name === undefined ? undefined : read.get(name);
  const values = of(field);
  if (values === undefined) return undefined;
  return {
    unit,
    values,
    apparent: of(apparent),
    powerFactor: of(powerFactor),
    voltage: of(voltage),
  };
}

/** The current of a phase, where it belongs to this element and to no other. */
async function readPhase(
  topology: Topology,
  {
    element,
    way,
    phase,
  }: { readonly element: Element; readonly way: readonly Series[]; readonly phase: Phase },
  asking: Asking,
): Promise<Samples | undefined> {
  const own = way.find(({ channel }) => channel === phase);
  const [first] = way;
  if (first === undefined) return undefined;
  const { device } = own ?? first;
  const alone = topology.measuredBy(device).every(({ id }) => id === element.id);
  // A channel that is an outlet or a circuit has no phases of its own.
  const whole = way.length === 1 && ["rack_power", "energy_meter"].includes(first.measurement);
  if (own === undefined && (!alone || !whole)) return undefined;
  for (const measurement of phaseMeasurements) {
    if (own !== undefined && own.measurement !== measurement) continue;
    const asked = { device, measurement, channel: phase, fields: ["current_a"] };
    const read = await readFields(asked, asking);
    const found = read.get("current_a");
    if (found !== undefined) return found;
  }
  return undefined;
}

interface FieldsAsked {
  readonly device: string;
  readonly measurement: string;
  readonly channel: string;
  readonly fields: readonly string[];
}

/** Fields that have a row: from roll-ups, and what these do not have yet from the rows. */
async function readFields(
  asked: FieldsAsked,
  asking: Asking,
): Promise<ReadonlyMap<string, Samples>> {
  const { frame } = asking.reading;
  const found = new Map<string, Samples>();
  const rolled = rollupName(asked.measurement, "5m");
  let from = frame.from;
  if (frame.every % rolledEvery === 0 && asking.stored.has(rolled)) {
    const names = asked.fields.map((field) => rolledName("mean", field));
    const last = await fill(found, { ...asked, measurement: rolled, names, from }, asking);
    from = last + frame.every;
  }
  if (from < frame.to) await fill(found, { ...asked, names: asked.fields, from }, asking);
  return found;
}

/** Puts means into windows; returns the last window that has one, or one before the first. */
async function fill(
  found: Map<string, Samples>,
  {
    device,
    measurement,
    channel,
    fields,
    names,
    from,
  }: FieldsAsked & {
    readonly names: readonly string[];
    readonly from: number;
  },
  { store, reading: { frame, tags }, signal }: Asking,
): Promise<number> {
  const { to, every } = frame;
  const tag = channelTagOf(measurement);
  const on = tag === undefined || channel === "" ? {} : { [tag]: channel };
  const where = { ...tags, device, ...on };
  const asked = { measurement, fields: names, aggregate: "mean", from, to, every, where } as const;
  const series = await store.query({ ...asked, worstQuality }, signal);
  let last = from - every;
  for (const { time, values } of series.flatMap(({ rows }) => rows)) {
    last = Math.max(last, time);
    for (const [at, field] of fields.entries()) {
      const value = values[names[at] ?? ""];
      if (typeof value !== "number") continue;
      const samples = found.get(field) ?? new Float64Array(windowsIn(frame)).fill(Number.NaN);
      samples[Math.round((time - frame.from) / every)] = value;
      found.set(field, samples);
    }
  }
  return last;
}

/** Reads what the meters of a topology say: means of windows, with what their rows say beside. */
import type { Element, Phase, Series, Topology } from "../../config/index.ts";
import { fieldFacts, measurementEntry } from "../../telemetry/index.ts";
import type { MeterSamples, SeriesSamples } from "./meters.ts";
import type { Asked, Asking, Reading } from "./read-fields.ts";
import { openAsking, readFields } from "./read-fields.ts";
import type { Samples } from "./samples.ts";
import type { Measured } from "./usage.ts";

/** What a row says beside its power, by the measurement's own names. */
const companions = {
  apparent: ["apparent_power_va", "output_va"],
  powerFactor: ["power_factor_ratio"],
  voltage: ["voltage_v"],
} as const;

/** Where currents of phases rest. */
const phaseMeasurements = ["rack_phase", "meter_phase"] as const;

/**
 * Of each element the first way of metering that has any row.
 * @throws E_STORE_DOWN, E_STORE_CONFIG, E_QUERY
 */
export async function readMeasured(
  topology: Topology,
  store: Asked,
  given: { readonly reading: Reading; readonly signal: AbortSignal },
): Promise<Measured> {
  return await measuredBy(topology, await openAsking(store, given), { phases: true });
}

/** The same; without currents of phases where only watts are wanted. */
export async function measuredBy(
  topology: Topology,
  asking: Asking,
  { phases }: { readonly phases: boolean },
): Promise<Measured> {
  const { reading } = asking;
  const metered = [...topology.elements.values()].filter(({ meters }) => meters.length > 0);
  const meters = new Map<string, MeterSamples>();
  for (const [done, element] of metered.entries()) {
    for (const way of element.meters) {
      const samples = await readWay(topology, { element, way, phases }, asking);
      if (samples === undefined) continue;
      meters.set(element.id, samples);
      break;
    }
    reading.progress?.(done + 1, metered.length);
  }
  const { frame, since, least } = reading;
  return { frame, since, least, meters };
}

/** One way to meter an element. */
interface Way {
  readonly element: Element;
  readonly way: readonly Series[];
  readonly phases: boolean;
}

async function readWay(
  topology: Topology,
  { element, way, phases: wanted }: Way,
  asking: Asking,
): Promise<MeterSamples | undefined> {
  const read: SeriesSamples[] = [];
  for (const series of way) {
    const samples = await readSeries(series, asking);
    if (samples === undefined) return undefined;
    read.push(samples);
  }
  const phases: Partial<Record<Phase, Samples>> = {};
  for (const phase of wanted ? element.phases : []) {
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

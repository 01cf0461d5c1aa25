/**
 * Which measured series are the air that enters a rack, and what is wrong with what a file says of
 * them. Unit: °C.
 */
import { fieldFacts, measurementEntry } from "../../telemetry/index.ts";
import type { Draft, TopologyProblem } from "./links.ts";
import type { DeviceFacts, Series } from "./meters.ts";
import { near } from "./meters.ts";
import type { InletOptions, TopologyOptions } from "./options.ts";

/** What air that enters is called by, in the measurements that know it. */
const inletFields: Readonly<Record<string, string>> = {
  thermal: "temp_c",
  server: "inlet_c",
  environment: "temp_c",
};

export function inletSeries({ device, measurement, channel, field }: InletOptions): Series {
  return { device, measurement, channel, field: field ?? inletFields[measurement] ?? "" };
}

/** What is wrong with the inlets of one rack. */
export function* inletProblems(
  { at, options: { inlets = [] } }: Draft,
  devices: ReadonlyMap<string, DeviceFacts>,
): Generator<TopologyProblem> {
  for (const [index, inlet] of inlets.entries()) {
    const here = [...at, "inlets", ...(inlets.length > 1 ? [index] : [])];
    const message = problemOf(inlet, devices);
    if (message !== undefined) yield { at: here, message };
  }
}

function problemOf(
  inlet: InletOptions,
  devices: ReadonlyMap<string, DeviceFacts>,
): string | undefined {
  const { device, measurement, channel, field } = inletSeries(inlet);
  const facts = devices.get(device);
  if (facts === undefined) return `no device "${device}"; ${near(device, [...devices.keys()])}`;
  const entry = measurementEntry(measurement);
  if (entry === undefined) return `"${measurement}" is not in the register`;
  if (fieldFacts(measurement, field)?.unit?.shown !== "°C") {
    return `${measurement}.${field} is no temperature; name measurement and field`;
  }
  if (channel !== "" && entry.channel === undefined) return `${measurement} has no channel`;
  const rows = facts.offers?.filter((offer) => offer.measurement === measurement);
  if (rows === undefined || rows.some(({ fields }) => fields.includes(field))) return undefined;
  return `${device} gives no ${measurement}.${field}`;
}

/** Water meters that no device is. */
export function* waterProblems(
  { water }: TopologyOptions,
  devices: ReadonlyMap<string, DeviceFacts>,
): Generator<TopologyProblem> {
  for (const [index, name] of water.entries()) {
    if (devices.has(name)) continue;
    const at = ["water", ...(water.length > 1 ? [index] : [])];
    yield { at, message: `no device "${name}"; ${near(name, [...devices.keys()])}` };
  }
}

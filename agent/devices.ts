/**
 * What the agent says of its devices: `state` when it changes and `meta` once it is known which
 * fields a device gives. Both are retained, current values only.
 */
import type { DeviceAddress, Place, Point, Reading } from "../telemetry/index.ts";
import { fieldFacts, measurementEntry } from "../telemetry/index.ts";

/** A device as the configuration describes it, for `meta`. */
export interface Described {
  readonly address: DeviceAddress;
  readonly place: Place;
  readonly driver: string;
  readonly profile: string | undefined;
  readonly vendor: string | undefined;
  readonly model: string | undefined;
  /** @unit ms */
  readonly interval: number;
}

export type LinkState = "online" | "offline";

export interface StatePayload {
  readonly v: 1;
  readonly state: LinkState | "stale";
  /** Code of the fault behind it, or `none`. */
  readonly reason: string;
  /** @unit ms since 1970-01-01 UTC */
  readonly since: number;
}

export function statePayload(state: LinkState, reason: string, since: number): string {
  return JSON.stringify({ v: 1, state, reason, since } satisfies StatePayload);
}

/** Fields and channels that a device has given so far; bounded by the register and the device. */
export class Inventory {
  readonly #fields = new Map<string, Map<string, Set<string>>>();

  /** Takes note of a reading; true when something in it is new. */
  note({ points }: Reading): boolean {
    let fresh = false;
    for (const point of points) fresh = this.#notePoint(point) || fresh;
    return fresh;
  }

  #notePoint({ measurement, tags, fields }: Point): boolean {
    let fresh = false;
    const known = this.#fields.get(measurement) ?? new Map<string, Set<string>>();
    this.#fields.set(measurement, known);
    const channel = Object.values(tags ?? {})[0] ?? "";
    for (const field in fields) {
      const channels = known.get(field) ?? new Set<string>();
      known.set(field, channels);
      if (channels.has(channel) || channels.size >= maxChannels) continue;
      channels.add(channel);
      fresh = true;
    }
    return fresh;
  }

  /** The `meta` payload: what the device is, its fields with units and ranges, its channels. */
  meta(device: Described): string {
    const measurements = [...this.#fields].map(([name, known]) => [name, describe(name, known)]);
    const { place, driver, profile, vendor, model, interval } = device;
    return JSON.stringify({
      v: 1,
      tags: place,
      driver,
      profile,
      vendor,
      model,
      interval_ms: interval,
      measurements: Object.fromEntries(measurements),
    });
  }
}

/** The channels and fields of one measurement. */
function describe(measurement: string, known: ReadonlyMap<string, ReadonlySet<string>>): unknown {
  const channel = measurementEntry(measurement)?.channel;
  const channels = new Set([...known.values()].flatMap((where) => [...where]));
  channels.delete("");
  const fields = [...known.keys()]
    .filter((field) => field !== "q")
    .map((field) => [field, describeField(measurement, field)]);
  return {
    ...(channels.size > 0 && channel !== undefined ? { [channel]: [...channels] } : {}),
    fields: Object.fromEntries(fields),
  };
}

/** More channels than any PDU has outlets. */
const maxChannels = 1000;

function describeField(measurement: string, field: string): unknown {
  const facts = fieldFacts(measurement, field);
  return {
    type: facts?.type,
    unit: facts?.unit?.ucum,
    range: facts?.entry?.range,
    states: facts?.entry?.states,
    about: facts?.entry?.about,
  };
}

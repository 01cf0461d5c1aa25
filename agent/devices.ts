/**
 * What the agent says of its devices: `state` when it changes and `meta` once it is known which
 * fields a device gives and where they come from. Both are retained, current values only.
 */
import type { Origin, Setting, Source } from "../drivers/index.ts";
import type { DeviceAddress, Location, Place, Point, Reading } from "../telemetry/index.ts";
import { describeField, measurementEntry, unitOf } from "../telemetry/index.ts";

/** A device as the configuration describes it, for `meta`. */
export interface Described {
  readonly address: DeviceAddress;
  readonly place: Place;
  readonly location?: Location | undefined;
  readonly driver: string;
  readonly profile: string | undefined;
  readonly vendor: string | undefined;
  readonly model: string | undefined;
  /** What the profile rests on, and what it warns of. */
  readonly documents?: readonly string[] | undefined;
  readonly caveats?: readonly string[] | undefined;
  /** Where a field stands in its profile's file: `eastron-sdm630.yaml:61`. */
  readonly lineOf?: ((source: Source) => string | undefined) | undefined;
  /** @unit ms */
  readonly interval: number;
  /** What may be set on it over MQTT. */
  readonly settings?: readonly Setting[] | undefined;
}

/** Who says it, and what the session knows of where the values come from. */
export interface Told {
  /** Id of the agent. */
  readonly agent: string;
  readonly origin: Origin | undefined;
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

  /**
   * The `meta` payload: what the device is, its fields with units and ranges, its channels, and
   * where each comes from. Without the latter where it would be too long for a message.
   */
  meta(device: Described, told: Told): string {
    const whole = this.#meta(device, told);
    if (Buffer.byteLength(whole) <= maxMeta) return whole;
    return this.#meta(device, { ...told, origin: undefined });
  }

  #meta(device: Described, { agent, origin }: Told): string {
    const { place, location, driver, profile, vendor, model } = device;
    const { documents, caveats, interval } = device;
    const sources = Map.groupBy(origin?.sources ?? [], ({ measurement }) => measurement);
    const measurements = [...this.#fields].map(([name, known]) => {
      const entries = describeSources(sources.get(name) ?? [], device.lineOf);
      return [name, describe(name, known, entries)];
    });
    return JSON.stringify({
      v: 1,
      tags: place,
      location,
      agent,
      driver,
      endpoint: origin?.endpoint,
      profile,
      vendor,
      model,
      documents,
      caveats,
      interval_ms: interval,
      measurements: Object.fromEntries(measurements),
      settings: describeSettings(device.settings ?? []),
    });
  }
}

function describeSettings(settings: readonly Setting[]): unknown {
  if (settings.length === 0) return undefined;
  return Object.fromEntries(
    settings.map(({ name, about, range }) => [name, { unit: unitOf(name)?.ucum, range, about }]),
  );
}

/** What one field comes from, by channel where these differ in nothing but the place. */
interface SourceEntry {
  /** Channel, or "" where there is none, to place. */
  readonly at: Record<string, string>;
  readonly every_ms: number | undefined;
  readonly line: string | undefined;
  readonly [form: string]: unknown;
}

/** Channels of a field that are read alike share an entry: a PDU's outlets are one. */
function describeSources(
  sources: readonly Source[],
  lineOf: Described["lineOf"],
): ReadonlyMap<string, readonly SourceEntry[]> {
  const byField = new Map<string, Map<string, SourceEntry>>();
  for (const source of sources) {
    const { field, channel, at, form, every } = source;
    const rest = { ...form, every_ms: every, line: lineOf?.(source) };
    const entries = byField.get(field) ?? new Map<string, SourceEntry>();
    byField.set(field, entries);
    const key = JSON.stringify(rest);
    const entry = entries.get(key) ?? { at: {}, ...rest };
    entries.set(key, entry);
    entry.at[channel] = at;
  }
  return new Map([...byField].map(([field, entries]) => [field, [...entries.values()]]));
}

/** The channels and fields of one measurement. */
function describe(
  measurement: string,
  known: ReadonlyMap<string, ReadonlySet<string>>,
  sources: ReadonlyMap<string, readonly SourceEntry[]>,
): unknown {
  const channel = measurementEntry(measurement)?.channel;
  const channels = new Set([...known.values()].flatMap((where) => [...where]));
  channels.delete("");
  const fields = [...known.keys()]
    .filter((field) => field !== "q")
    .map((field) => {
      return [field, { ...describeField(measurement, field), source: sources.get(field) }];
    });
  return {
    ...(channels.size > 0 && channel !== undefined ? { [channel]: [...channels] } : {}),
    fields: Object.fromEntries(fields),
  };
}

/** Longest `meta`: a hub takes 256 KiB as one message. @unit bytes */
const maxMeta = 180 * 1024;

/** More channels than any PDU has outlets. */
const maxChannels = 1000;

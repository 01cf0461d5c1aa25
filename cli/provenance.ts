/**
 * Who a stored device is and where its values come from: from the configuration where the device
 * is in it, and from the agent's `meta` at the broker, which needs no configuration of the agent.
 */
import { duration, v } from "../config/index.ts";
import type { Origin, Place, Source } from "../drivers/index.ts";
import type { DeviceAddress, Platform, Tags } from "../telemetry/index.ts";
import { levelPattern, topicRoot } from "../telemetry/index.ts";
import type { BrokerArguments } from "./ask-broker.ts";
import { askBroker } from "./ask-broker.ts";
import type { ConfiguredDevice, LoadedConfig } from "./config.ts";
import { lineTeller, readLinedFiles } from "./profile-lines.ts";
import { classOf, intervalOf, siteOf } from "./run-agent.ts";

/** A source, and where the profile's file says so. */
export interface LinedSource extends Source {
  readonly line: string | undefined;
}

export interface Provenance {
  /** Who says so. */
  readonly told: "configuration" | "meta";
  readonly address: DeviceAddress;
  readonly agent: string | undefined;
  readonly driver: string;
  readonly profile: string | undefined;
  readonly vendor: string | undefined;
  readonly model: string | undefined;
  readonly documents: readonly string[];
  readonly caveats: readonly string[];
  readonly endpoint: Origin["endpoint"];
  /** @unit ms */
  readonly interval: number | undefined;
  readonly sources: readonly LinedSource[];
}

/** What is known of devices, by `deviceKey`. */
export type Provenances = ReadonlyMap<string, Provenance>;

/** What tells one device of a store from all others. */
export function deviceKey(tags: Tags): string {
  const { region = "", org = "", site = "", device = "" } = tags;
  return `${region}/${org}/${site}/${device}`;
}

export function sourceIn(
  { sources }: Provenance,
  { measurement, channel, field }: Omit<Place, "at">,
): LinedSource | undefined {
  return sources.find(
    (one) => one.measurement === measurement && one.channel === channel && one.field === field,
  );
}

/** Roll-ups are named after their windows: `energy_meter_5m`. */
const windowName = /_(\d+[smhd])$/;

/**
 * How often a row with a field is to be expected, where it can be told: of an event never.
 * @unit ms
 */
export function paceOf(known: Provenance, place: Omit<Place, "at">): number | undefined {
  const { interval, sources } = known;
  const window = v.safeParse(duration, windowName.exec(place.measurement)?.[1]);
  const source = sourceIn(known, place);
  if (interval === undefined || place.measurement.endsWith("_event")) return undefined;
  if (window.success) return Math.max(interval, window.output);
  // A driver that says where its values come from knows nothing of this one.
  if (source === undefined && sources.length > 0) return undefined;
  return Math.max(interval, source?.every ?? 0);
}

/** Devices of the configuration among those asked for. */
export async function configuredProvenances(
  loaded: LoadedConfig,
  keys: ReadonlySet<string>,
  platform: Platform,
): Promise<Provenances> {
  const files = await readLinedFiles(loaded);
  const found = new Map<string, Provenance>();
  for (const device of loaded.devices) {
    const address = { ...siteOf(loaded), class: classOf(device), device: device.id };
    const key = deviceKey({ ...address });
    if (!keys.has(key)) continue;
    const { endpoint, sources } = await originOf(device, loaded, platform);
    const lineOf = lineTeller(device, files);
    const { profile, kind } = device;
    found.set(key, {
      told: "configuration",
      address,
      agent: loaded.config.agent.id,
      driver: kind.name,
      profile: profile?.id,
      vendor: profile?.vendor,
      model: profile?.model,
      documents: profile?.sources ?? [],
      caveats: profile?.caveats ?? [],
      endpoint,
      interval: intervalOf(device, loaded.config.agent),
      sources: sources.map((source) => ({ ...source, line: lineOf?.(source) })),
    });
  }
  return found;
}

/** Stands in for the address of a simulated device: only `up` knows where it listens. */
const simulatedAddress = "tcp://127.0.0.1:502";

/** Opening a device reaches nobody: connecting is left to the first read. */
async function originOf(
  device: ConfiguredDevice,
  { config }: LoadedConfig,
  platform: Platform,
): Promise<Origin> {
  const { id, kind, common, options, profileData } = device;
  const simulated = common.simulate && options["bus"] === undefined;
  const given = simulated ? { ...options, address: simulatedAddress } : options;
  await using driver = kind.create({ ...platform, buses: config.buses });
  await using session = await driver.open({ id, options: given, profile: profileData });
  const origin = session.origin?.() ?? { endpoint: {}, sources: [] };
  if (!simulated) return origin;
  return { ...origin, endpoint: { ...origin.endpoint, address: "simulated" } };
}

/** Past this many devices whole sites are asked for: a broker takes no endless subscription. */
const maxFilters = 50;

/**
 * What agents have published of the devices asked for.
 * @throws E_USAGE, E_SECRET_MISSING, E_UPLINK
 */
export async function publishedProvenances(
  keys: ReadonlySet<string>,
  given: BrokerArguments & { readonly connect?: number },
  context: { readonly loaded: LoadedConfig; readonly platform: Platform },
): Promise<Provenances> {
  const found = new Map<string, Provenance>();
  // What others have stored may have names that no topic has.
  const named = [...keys].filter((key) =>
    key.split("/").every((level) => levelPattern.test(level)),
  );
  if (named.length === 0) return found;
  const devices = named.map((key) => key.replace(/\/([^/]*)$/, "/+/$1"));
  const sites = [...new Set(named.map((key) => key.replace(/\/[^/]*$/, "/+/+")))];
  const places = named.length > maxFilters ? sites.slice(0, maxFilters) : devices;
  const { connect } = given;
  await askBroker(given, context, {
    filters: places.map((place) => `${topicRoot}/${place}/meta`),
    ...(connect === undefined ? {} : { connect }),
    answer: ({ address }, payload) => {
      const key = deviceKey({ ...address });
      const known = provenanceOf(address, payload);
      if (keys.has(key) && known !== undefined) found.set(key, known);
      return found.size === named.length;
    },
  });
  return found;
}

const texts = v.optional(v.array(v.string()), []);

/** `meta` as docs/reference/payload.md describes it; older agents leave out much of it. */
const metaSchema = v.object({
  v: v.literal(1),
  agent: v.optional(v.string()),
  driver: v.string(),
  endpoint: v.optional(v.record(v.string(), v.union([v.string(), v.number()])), {}),
  profile: v.optional(v.string()),
  vendor: v.optional(v.string()),
  model: v.optional(v.string()),
  documents: texts,
  caveats: texts,
  interval_ms: v.optional(v.pipe(v.number(), v.minValue(1))),
  measurements: v.record(
    v.string(),
    v.object({
      fields: v.record(
        v.string(),
        v.object({
          source: v.optional(
            v.array(
              v.looseObject({
                at: v.record(v.string(), v.string()),
                every_ms: v.optional(v.number()),
                line: v.optional(v.string()),
              }),
            ),
            [],
          ),
        }),
      ),
    }),
  ),
});

/** What a `meta` payload says; undefined when it is none. */
export function provenanceOf(address: DeviceAddress, payload: Uint8Array): Provenance | undefined {
  const parsed = v.safeParse(metaSchema, jsonOf(payload));
  if (!parsed.success) return undefined;
  const { measurements, interval_ms: interval, ...told } = parsed.output;
  const sources = Object.entries(measurements).flatMap(([measurement, { fields }]) =>
    Object.entries(fields).flatMap(([field, { source }]) =>
      source.flatMap(({ at, every_ms: every, line, ...form }) =>
        Object.entries(at).map(([channel, at]): LinedSource => ({
          measurement,
          channel,
          field,
          at,
          form,
          every,
          line,
        })),
      ),
    ),
  );
  const { agent, profile, vendor, model } = told;
  return { ...told, told: "meta", address, agent, profile, vendor, model, interval, sources };
}

function jsonOf(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString());
  } catch {
    return undefined;
  }
}

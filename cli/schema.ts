/**
 * The whole form of a configuration file, composed of the rooms' own options. Validation, editor
 * schema, reference page and `config explain` all come from `configSchema`.
 */
import { agentOptions } from "../agent/index.ts";
import { capacityOptions, notifyOptions, rulesOptions } from "../alerts/index.ts";
import { brokerOptions, federationOptions, hubOptions } from "../broker/index.ts";
import { consoleOptions } from "../console/index.ts";
import type { Schema } from "../config/index.ts";
import {
  deviceClasses,
  interval,
  levelName,
  location,
  option,
  placeText,
  text,
  topologyOptions,
  v,
  whole,
} from "../config/index.ts";
import { drivers, serialBusOptions } from "../drivers/index.ts";
import { rollupOptions, storeOptions } from "../store/index.ts";
import type { Location } from "../telemetry/index.ts";
import { logLevels } from "./platform.ts";

export interface SiteOptions {
  readonly region: string;
  readonly org: string;
  readonly name: string;
  readonly location?: Location | undefined;
}

/** What every device may say, whatever its driver. */
export interface DeviceOptions {
  readonly driver: string;
  readonly profile?: string | undefined;
  readonly class?: string | undefined;
  readonly zone?: string | undefined;
  readonly rack?: string | undefined;
  readonly location?: Location | undefined;
  readonly interval?: number | undefined;
  readonly simulate: boolean;
  readonly allow: readonly string[];
}

const site: Schema<SiteOptions> = v.pipe(
  v.union(
    [
      levelName,
      v.strictObject({
        region: v.optional(option(levelName, { about: "Whose hub it reports to." }), "local"),
        org: v.optional(option(levelName, { about: "Which unit owns it." }), "main"),
        name: option(levelName, { about: "Which place it is.", example: "hall-1" }),
        location: v.optional(
          option(location, { about: "Where it stands: of each device that says no other." }),
        ),
      }),
    ],
    "write a name of a-z, 0-9, _ and -, or region, org and name",
  ),
  v.transform((value) =>
    typeof value === "string" ? { region: "local", org: "main", name: value } : value,
  ),
);

const commonDevice = {
  profile: v.optional(
    option(text, { about: "What product it is: a profile's id.", example: "eastron-sdm630" }),
  ),
  class: v.optional(
    option(v.picklist(deviceClasses), {
      about: "What kind of device, the sixth level of its topics; the profile's when left out.",
    }),
  ),
  zone: v.optional(option(placeText, { about: "Room, hall, street or district.", example: "h1" })),
  rack: v.optional(option(placeText, { about: "The rack it belongs to.", example: "r12" })),
  location: v.optional(option(location, { about: "Where it stands; the site's when left out." })),
  interval: v.optional(
    option(interval, { about: "How often it is read; the agent's when left out.", example: "5s" }),
  ),
  allow: v.optional(
    option(v.pipe(v.array(text), v.maxLength(64)), {
      about: "What may be set on it over MQTT, by the names of its profile; else it is only read.",
    }),
    [],
  ),
  simulate: v.optional(
    option(v.boolean(), { about: "`up` starts a simulated device in its place." }),
    false,
  ),
};

const device: Schema<DeviceOptions> = v.variant(
  "driver",
  Object.values(drivers).map((kind) =>
    v.strictObject({
      driver: option(v.literal(kind.name), { about: kind.about }),
      ...commonDevice,
      ...kind.options,
    }),
  ),
);

const sections = {
  site: v.optional(
    option(site, { about: "Which place this is: a name, or region, org and name." }),
    "site",
  ),
  agent: v.optional(option(agentOptions, { about: "The agent at the edge." }), {}),
  hub: v.optional(option(hubOptions, { about: "The hub as a whole." }), {}),
  broker: v.optional(option(brokerOptions, { about: "The hub's MQTT broker." }), {}),
  federation: v.optional(
    option(federationOptions, { about: "Hubs of other regions (docs/federation.md)." }),
    {},
  ),
  console: v.optional(
    option(consoleOptions, { about: "Where operators see how the process is." }),
    {},
  ),
  store: v.optional(option(storeOptions, { about: "Where points rest." }), { engine: "sqlite" }),
  rollups: v.optional(
    option(rollupOptions, { about: "What the hub sums up of stored points, window by window." }),
    {},
  ),
  buses: v.optional(
    option(v.record(levelName, serialBusOptions), { about: "Serial lines, by name." }),
    {},
  ),
  devices: v.optional(
    option(v.record(levelName, device), { about: "What is read, by a name unique in the site." }),
    {},
  ),
  topology: v.optional(
    option(topologyOptions, {
      about: "Where things stand, and what brings power to what: `rackstreet topology` draws it.",
    }),
  ),
  capacity: v.optional(
    option(capacityOptions, { about: "What the hub writes of capacity (docs/capacity.md)." }),
    {},
  ),
  profiles: v.optional(
    option(text, { about: "Folder with profiles of your own, beside the built-in ones." }),
  ),
  rules: v.optional(option(rulesOptions, { about: "Alert rules, by name." }), {}),
  notify: v.optional(
    option(notifyOptions, { about: "Who is told of alerts, by name (docs/notifying.md)." }),
    {},
  ),
  simulation: v.optional(
    option(
      v.strictObject({
        seed: v.optional(option(whole(0, 2 ** 31), { about: "Seed of simulated values." }), 1),
      }),
      { about: "What `simulate: true` devices show." },
    ),
    {},
  ),
  log: v.optional(option(v.picklist(logLevels), { about: "What is logged, and above." }), "info"),
};

export const configSchema = v.pipe(
  v.strictObject(sections),
  v.description("The configuration of one site: every key may be left out."),
);
export type Config = v.InferOutput<typeof configSchema>;

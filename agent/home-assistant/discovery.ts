/**
 * The discovery payload of one device: every field a sensor that reads our own telemetry payload
 * by a template (https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload).
 */
import type { DeviceAddress, Point } from "../../telemetry/index.ts";
import { fieldFacts, topicOf } from "../../telemetry/index.ts";
import type { Described } from "../devices.ts";
import { sensorClass } from "./classes.ts";

/** Sensors a device may have there; fields beyond are left out and counted. */
export const maxSensors = 500;

/** One field of one channel. */
export interface Shown {
  /** For people. */
  readonly name: string;
  readonly measurement: string;
  /** The channel tag and its value, where there is one. */
  readonly tag: readonly [string, string] | undefined;
  readonly field: string;
}

/** Another for each text: what is no letter, digit or `_` is written by its bytes. */
function identifier(text: string): string {
  return Buffer.from(text)
    .toString("latin1")
    .replaceAll(/[^a-zA-Z0-9_]/g, (byte) => `-${Buffer.from(byte, "latin1").toString("hex")}`);
}

/** What a batch shows, by an id that is unique in its device. */
export function shownIn(points: readonly Point[]): Map<string, Shown> {
  const shown = new Map<string, Shown>();
  for (const { measurement, tags, fields } of points) {
    const tag = Object.entries(tags ?? {})[0];
    for (const field of Object.keys(fields)) {
      if (field === "q") continue;
      const parts = [measurement, ...(tag === undefined ? [] : [tag[1]]), field];
      const id = parts.map(identifier).join("--");
      shown.set(id, { name: parts.join(" "), measurement, tag, field });
    }
  }
  return shown;
}

export interface Discovered {
  readonly device: Pick<Described, "address" | "vendor" | "model" | "place" | "interval">;
  readonly agent: DeviceAddress;
  readonly sensors: ReadonlyMap<string, Shown>;
}

/** A device's id in Home Assistant, unique over sites: safe there, because levels are. */
export function discoveryId({ region, org, site, device }: DeviceAddress): string {
  return `rackstreet_${[region, org, site, device].join("_")}`;
}

/** The retained payload of `<prefix>/device/<id>/config`. */
export function discoveryPayload({ device, agent, sensors }: Discovered): string {
  const { address, vendor, model, place, interval } = device;
  const id = discoveryId(address);
  const area = place.zone;
  const availability = [topicOf(address, "state"), topicOf(agent, "state")].map((topic) => ({
    topic,
    value_template: "{{ value_json.state }}",
  }));
  return JSON.stringify({
    device: {
      identifiers: [id],
      name: address.device,
      ...(vendor === undefined ? {} : { manufacturer: vendor }),
      ...(model === undefined ? {} : { model }),
      ...(area === undefined ? {} : { suggested_area: area }),
    },
    origin: { name: "rackstreet" },
    availability,
    availability_mode: "all",
    state_topic: topicOf(address, "telemetry"),
    components: Object.fromEntries(
      [...sensors].map(([part, shown]) => {
        const facts = fieldFacts(shown.measurement, shown.field);
        const sensor = {
          platform: "sensor",
          unique_id: `${id}_${part}`,
          name: shown.name,
          value_template: template(shown),
          // What is no longer told is no longer known.
          expire_after: Math.ceil(staleAfter(interval) / 1000),
          ...sensorClass(shown.field, facts),
        };
        return [part, sensor];
      }),
    ),
  });
}

/** How long a value holds. @param interval of its polls, ms @unit ms */
export function staleAfter(interval: number): number {
  return Math.max(60_000, 3 * interval);
}

/**
 * Finds the field in a batch. One that the batch does not have gives an empty text, which Home
 * Assistant takes for no news.
 */
function template({ measurement, tag, field }: Shown): string {
  const filters = [
    "value_json.points",
    `selectattr('measurement', 'eq', ${quoted(measurement)})`,
    // Jinja has no attribute of an undefined one: rows without tags go first.
    ...(tag === undefined
      ? []
      : ["selectattr('tags', 'defined')", `selectattr('tags.${tag[0]}', 'eq', ${quoted(tag[1])})`]),
    `map(attribute='fields.${field}')`,
    "select('defined')",
    "first",
    "default('')",
  ];
  return `{{ ${filters.join(" | ")} }}`;
}

/** A text of Jinja. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

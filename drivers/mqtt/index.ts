/**
 * Devices that already publish over MQTT (Tasmota, Shelly, zigbee2mqtt, ESPHome and others), heard
 * at the broker they publish at. What their payloads mean stands in the device's options or in a
 * profile. Devices of one broker and user share the connection.
 */
import { addressText } from "../../config/index.ts";
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Target } from "../contract.ts";
import { defineDriver } from "../contract.ts";
import { Mapping } from "../mapping/mapping.ts";
import type { MappedRow } from "../mapping/rows.ts";
import { compileRows } from "../mapping/rows.ts";
import { Audiences } from "../transport/audience.ts";
import { HearingSession } from "../transport/hearing.ts";
import type { MqttEar, MqttMark } from "../transport/mqtt-way.ts";
import { mqttWay } from "../transport/mqtt-way.ts";
import type { EarParts, HeardPresence, HeardTopic } from "./ear.ts";
import { mqttEar } from "./ear.ts";
import { FaultNews } from "./faults.ts";
import type { MqttOptions, MqttProfile } from "./options.ts";
import { mqttOptions, mqttOptionsSchema, mqttProfile } from "./options.ts";
import type { Said } from "./said.ts";
import { saidIn } from "./said.ts";
import { levelNames, topicForm } from "./topic.ts";

/** @unit ms */
const usualGather = 1000;

export const mqtt = defineDriver({
  name: "mqtt",
  about: "Devices that publish over MQTT: Tasmota, Shelly, zigbee2mqtt, ESPHome and others.",
  options: mqttOptions,
  parse: mqttOptionsSchema,
  profile: mqttProfile,
  profileOptional: true,
  tryOut,
  create({ clock, entropy }) {
    const audiences = new Audiences<Said, MqttEar<Said>>();
    return {
      busKey: ({ options }) => `mqtt ${addressText(options.server)}`,
      // Async, so that a mistake in the mapping rejects.
      async open(target) {
        const { server: url, user, password, ca, silence } = target.options;
        const server = addressText(url);
        tryOut(target.options, target.profile);
        const parts = partsOf(target, clock);
        const forms = [...parts.topics, ...(parts.presence ? [parts.presence] : [])];
        const filters = [...new Set(forms.map(({ form }) => form.filter))];
        return new HearingSession<Said, MqttMark>({
          name: parts.name,
          audience: audiences.of(
            `${server} ${user ?? ""}`,
            mqttWay({ url, user, password, ca }, entropy, saidIn),
          ),
          mark: { filters: [filters] },
          clock,
          silence,
          ear: (heard, listening) => mqttEar(parts, heard, listening),
          origin: () => ({
            endpoint: { server, topics: filters.join(" ") },
            sources: parts.mapping.sources,
          }),
        });
      },
      [Symbol.asyncDispose]: () => audiences[Symbol.asyncDispose](),
    };
  },
});

function partsOf(
  { id, options, profile, memory }: Target<MqttOptions, MqttProfile>,
  clock: Clock,
): EarParts {
  const { topics, ...wanted } = layOut(options, profile);
  return {
    name: `${id} at ${addressText(options.server)}`,
    topics,
    presence: presenceOf(options, profile),
    mapping: new Mapping({ ...wanted, clock, memory }),
    clock,
    gather: options.gather ?? profile?.header.gather ?? usualGather,
    news: new FaultNews(),
  };
}

/** What to hear and to store. @throws E_CONFIG for topics that cannot be */
function layOut(options: MqttOptions, profile: MqttProfile | undefined) {
  const { header, points = [] } = profile ?? {};
  const written = { ...header?.topics, ...options.topics };
  if (Object.keys(written).length === 0) {
    throw new GatewayError("E_CONFIG", "nothing to hear: give it topics or a profile");
  }
  const topics = Object.entries(written).map(([name, { topic, format }]): HeardTopic => {
    return { name, format, form: topicForm(topic, options.levels) };
  });
  const levels = Object.values(written).flatMap(({ topic }) => levelNames(topic));
  const stray = Object.keys(options.levels).find((level) => !levels.includes(level));
  if (stray !== undefined) {
    const there = [...new Set(levels)].join(", ");
    throw new GatewayError("E_CONFIG", `levels: no topic has {${stray}}; there is ${there}`);
  }
  return {
    topics,
    rows: [...points, ...(options.rows ?? [])],
    time: options.time ?? header?.time,
    documents: Object.keys(written),
    levels,
  };
}

function tryOut(options: MqttOptions, profile: MqttProfile | undefined): void {
  const { topics, rows, ...known } = layOut(options, profile);
  presenceOf(options, profile);
  refuseMixed(topics, compileRows(rows, known));
}

function presenceOf(
  { presence, levels }: MqttOptions,
  profile: MqttProfile | undefined,
): HeardPresence | undefined {
  const given = presence ?? profile?.header.presence;
  if (given === undefined) return undefined;
  return { form: topicForm(given.topic, levels), offline: given.offline };
}

/** A level that may be anything and tells no channel would make one series of many devices. */
function refuseMixed(topics: readonly HeardTopic[], rows: readonly MappedRow[]): void {
  for (const { name, form } of topics) {
    for (const level of form.open) {
      const mixed = rows.find(
        ({ from, channel }) =>
          from.has(name) && !(channel.is === "levels" && channel.names.includes(level)),
      );
      if (mixed === undefined) continue;
      const fix = `fix it (levels: { ${level}: … }) or give its rows a tag with {${level}}`;
      throw new GatewayError("E_CONFIG", `{${level}} may be anything: ${fix}`);
    }
  }
}

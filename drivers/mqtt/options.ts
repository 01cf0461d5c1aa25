/** What a device that publishes over MQTT may be given in the configuration, and in a profile. */
import type { Address, Profile, Schema, Secret } from "../../config/index.ts";
import { address, duration, option, secret, text, v } from "../../config/index.ts";
import type { FieldForm, MappingRow, TimeForm } from "../mapping/options.ts";
import { mappingProfile, rows, sourceName, time } from "../mapping/options.ts";

/** Topics of one device. */
const maxTopics = 64;

const topic = v.pipe(
  text,
  v.maxLength(512, "at most 512 characters"),
  v.regex(/^[^+#\0]+$/, "write {name} for a level that may be anything; + and # are not taken"),
);

const longTopic = v.strictObject({
  topic: option(topic, { about: "With {name} for levels.", example: "tele/{plug}/SENSOR" }),
  format: v.optional(
    option(v.picklist(["json", "value"]), {
      about: "json; value: the payload is a bare number or text, whose path is $.",
    }),
    "json",
  ),
});

const topicForm = v.union(
  [
    longTopic,
    v.pipe(
      topic,
      v.transform((given) => v.parse(longTopic, { topic: given })),
    ),
  ],
  "needs a topic: tele/{plug}/SENSOR, or { topic: a/b, format: value }",
);

const topics = v.optional(
  option(v.pipe(v.record(sourceName, topicForm), v.maxEntries(maxTopics)), {
    about: "What it publishes on, by a name that rows call with `from`.",
  }),
  {},
);

const presence = v.optional(
  option(
    v.strictObject({
      topic: option(topic, { about: "Where it says so, retained.", example: "tele/{plug}/LWT" }),
      offline: v.optional(
        option(text, { about: "The payload that says it is gone.", example: "Offline" }),
        "offline",
      ),
    }),
    { about: "Last will of the device: it counts as lost as soon as its broker says so." },
  ),
);

const gather = v.optional(
  option(duration, {
    about: "How long a row that several topics make waits for the rest of it; 1s when left out.",
    example: "2s",
  }),
);

export const mqttOptions = {
  server: option(address({ mqtt: 1883, mqtts: 8883 }), {
    about: "The MQTT broker that the device publishes at.",
    example: "mqtt://10.0.0.2",
  }),
  user: v.optional(option(text, { about: "User name at the broker.", example: "rackstreet" })),
  password: v.optional(option(secret, { about: "Its password.", example: "${BROKER_PW}" })),
  ca: v.optional(
    option(text, {
      about: "File with the certificates to trust, when the broker's is not public.",
      example: "/etc/rackstreet/broker-ca.pem",
    }),
  ),
  levels: v.optional(
    option(v.record(sourceName, v.pipe(topic, v.regex(/^[^{}]+$/, "must hold neither { nor }"))), {
      about: "Names of levels, fixed: {plug: kitchen}; any other may be anything.",
    }),
    {},
  ),
  topics,
  presence,
  gather,
  silence: v.optional(
    option(duration, {
      about: "A device that says nothing for so long is lost; never when left out.",
      example: "10m",
    }),
  ),
  rows,
  time,
};

export type TopicOption = v.InferOutput<typeof longTopic>;
export type Presence = NonNullable<v.InferOutput<typeof presence>>;

export interface MqttHeader {
  readonly topics: Readonly<Record<string, TopicOption>>;
  readonly presence?: Presence | undefined;
  /** @unit ms */
  readonly gather?: number | undefined;
  readonly time?: TimeForm | undefined;
}

export interface MqttOptions extends MqttHeader {
  readonly server: Address;
  readonly user?: string | undefined;
  readonly password?: Secret | undefined;
  readonly ca?: string | undefined;
  readonly levels: Readonly<Record<string, string>>;
  /** @unit ms */
  readonly silence?: number | undefined;
  readonly rows?: readonly MappingRow[] | undefined;
}

export const mqttOptionsSchema: Schema<MqttOptions> = v.object(mqttOptions);

export type MqttProfile = Profile<MqttHeader, FieldForm>;

const header: Schema<MqttHeader> = v.optional(
  v.strictObject({ topics, presence, gather, time }),
  {},
);

export const mqttProfile = mappingProfile(header);

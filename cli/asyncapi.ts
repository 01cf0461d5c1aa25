/**
 * What a client may hear of a hub, and write to it, as an AsyncAPI 3.0 document
 * (asyncapi.com/docs/reference/specification/v3.0.0): a channel for each topic, a message for each
 * payload, schemas of the register. `send` and `receive` are the client's.
 */
import type { Address } from "../config/index.ts";
import { v } from "../config/index.ts";
import type { Gives, JsonSchema, Site, TopicKind } from "../telemetry/index.ts";
import {
  batchSchema,
  isRecord,
  measurementEntry,
  payloadSchemas,
  topicKinds,
  topicOf,
} from "../telemetry/index.ts";

/** What the request `catalog` says of a device. */
const catalogEntry = v.object({
  topic: v.string(),
  kinds: v.array(v.picklist(topicKinds)),
  state: v.nullable(v.record(v.string(), v.unknown())),
  meta: v.nullable(v.record(v.string(), v.unknown())),
});
export type CatalogEntry = v.InferOutput<typeof catalogEntry>;
export const catalogEntries = v.array(catalogEntry);

export interface CatalogFacts {
  readonly entries: readonly CatalogEntry[];
  readonly site: Site;
  /** Name of the hub. */
  readonly hub: string;
  readonly url: Address;
  /** Whether the broker asks who one is. */
  readonly secured: boolean;
  readonly version: string;
}

const sent: ReadonlySet<TopicKind> = new Set(["set", "ask"]);
const retained: ReadonlySet<TopicKind> = new Set(["telemetry", "meta", "state", "alert"]);

const about: Readonly<Partial<Record<TopicKind, string>>> = {
  telemetry: "The newest batch of a device.",
  backfill: "Late batches, many in a message.",
  event: "What happened once.",
  meta: "What a device is and gives.",
  state: "Whether a device answers, and since when.",
  alert: "Alerts of a device that are pending, firing or unknown.",
  set: "What is to be set on a device.",
  result: "What became of it.",
  ask: "What is asked of the hub.",
  answer: "Its answer, part by part.",
  denied: "What the hub refused this client, and what to do.",
  whoami: "Who this client is to the hub, on subscribing.",
};

export function asyncApiOf(facts: CatalogFacts): object {
  const { site, url, secured, version } = facts;
  const [messages, schemas] = [new Map<string, object>(), new Map<string, JsonSchema>()];
  const channels = channelsOf(facts);
  for (const { message, kind, schema } of channels) {
    schemas.set(message, schema);
    messages.set(message, {
      name: kind,
      title: message,
      summary: about[kind],
      contentType: "application/json",
      payload: { $ref: `#/components/schemas/${message}` },
    });
  }
  const user = { type: "userPassword", description: "A user of the hub (`broker.users`)." };
  return {
    asyncapi: "3.0.0",
    info: {
      title: `rackstreet ${site.region}/${site.org}/${site.site}`,
      version,
      description: "What one client may hear and write, as of the moment it was exported.",
    },
    defaultContentType: "application/json",
    servers: {
      hub: {
        host: `${url.host}:${url.port}`,
        protocol: url.scheme,
        protocolVersion: "3.1.1",
        ...(secured ? { security: [{ $ref: "#/components/securitySchemes/user" }] } : {}),
      },
    },
    channels: Object.fromEntries(channels.map((channel) => [channel.id, channelOf(channel)])),
    operations: Object.fromEntries(channels.map(operationOf)),
    components: {
      messages: Object.fromEntries(messages),
      schemas: Object.fromEntries(schemas),
      ...(secured ? { securitySchemes: { user } } : {}),
    },
  };
}

interface Channel {
  /** Levels joined by points: a name that a JSON pointer can hold. */
  readonly id: string;
  readonly address: string;
  readonly kind: TopicKind;
  /** Name of its message, and of its schema. */
  readonly message: string;
  readonly schema: JsonSchema;
}

/** Each topic once, in order. */
function channelsOf({ entries, site, hub }: CatalogFacts): readonly Channel[] {
  const names = new BatchNames();
  const ofDevices = entries.flatMap(({ topic, kinds, meta }) =>
    kinds.map((kind) => channelAt(`${topic}/${kind}`, kind, names.of(kind, givesOf(meta)))),
  );
  const ask = topicOf({ ...site, class: "hub", device: hub }, "ask");
  const own = (["answer", "denied", "whoami"] as const).map((kind) => {
    const place = `${site.region}/${site.org}/${site.site}`;
    return channelAt(`rackstreet/v1/${place}/client/{client}/${kind}`, kind);
  });
  return [...ofDevices, channelAt(ask, "ask"), ...own];
}

function channelAt(
  address: string,
  kind: TopicKind,
  batch?: readonly [name: string, schema: JsonSchema],
): Channel {
  const [message, schema] = batch ?? [kind, payloadSchemas[kind] ?? { type: "object" }];
  const id = address.split("/").slice(2).join(".").replaceAll(/[{}]/g, "");
  return { id, address, kind, message, schema };
}

function channelOf({ address, kind, message }: Channel): object {
  const client = { description: "The MQTT client identifier, of a-z, 0-9, _ and -." };
  return {
    address,
    summary: about[kind],
    messages: { [kind]: { $ref: `#/components/messages/${message}` } },
    ...(address.includes("{client}") ? { parameters: { client } } : {}),
  };
}

function operationOf({ id, kind }: Channel): readonly [string, object] {
  const action = sent.has(kind) ? "send" : "receive";
  const bindings = { mqtt: { qos: 1, retain: retained.has(kind), bindingVersion: "0.2.0" } };
  return [
    `${action}.${id}`,
    {
      action,
      channel: { $ref: `#/channels/${id}` },
      messages: [{ $ref: `#/channels/${id}/messages/${kind}` }],
      bindings,
    },
  ];
}

/** What a `meta` says a device gives: the register knows the rest. */
function givesOf(meta: CatalogEntry["meta"]): Gives {
  const measurements = meta?.["measurements"];
  if (!isRecord(measurements)) return {};
  const gives = Object.entries(measurements).map(([name, entry]) => {
    const fields = isRecord(entry) ? entry["fields"] : undefined;
    return [name, isRecord(fields) ? Object.keys(fields) : []] as const;
  });
  return Object.fromEntries(gives);
}

const events: Gives = { device_event: Object.keys(measurementEntry("device_event")?.fields ?? {}) };

/** Names of messages with batches: devices that give the same share one. */
class BatchNames {
  readonly #known = new Map<string, readonly [name: string, schema: JsonSchema]>();
  readonly #used = new Map<string, number>();

  of(kind: TopicKind, gives: Gives): readonly [string, JsonSchema] | undefined {
    if (kind === "event") return this.#named(kind, events);
    return kind === "telemetry" ? this.#named(kind, gives) : undefined;
  }

  #named(kind: TopicKind, gives: Gives): readonly [string, JsonSchema] {
    const key = JSON.stringify([kind, gives]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const stem = [kind, ...Object.keys(gives)].join(".").slice(0, 100);
    const count = (this.#used.get(stem) ?? 0) + 1;
    this.#used.set(stem, count);
    const named = [count === 1 ? stem : `${stem}.${count}`, batchSchema(gives)] as const;
    this.#known.set(key, named);
    return named;
  }
}

/**
 * What the broker may be given in the configuration: where it listens, who may connect, and the
 * bounds that keep one client from hurting the others.
 */
import type { Address, MqttVersion, Schema, Secret } from "../config/index.ts";
import {
  address,
  addressText,
  atLeast,
  levelName,
  mqttVersion,
  option,
  pathTo,
  secret,
  size,
  text,
  v,
  whole,
} from "../config/index.ts";
import { isFilter } from "./access.ts";
import type { EnrolOptions } from "./enrol/options.ts";
import { enrolOptions } from "./enrol/options.ts";
import { openDoor } from "./loopback.ts";
import { network } from "./networks.ts";
import type { PasswordHash } from "./passwords.ts";
import { parsePasswordHash } from "./passwords.ts";
import type { BrokerLimits, Tenant } from "./quota-options.ts";
import { limits, tenant } from "./quota-options.ts";
import type { RedisOptions } from "./redis/options.ts";
import { redisOptions } from "./redis/options.ts";
import type { SessionOptions } from "./sessions.ts";
import type { TlsOptions } from "./tls.ts";

export type { BrokerLimits, Tenant };

export interface User {
  /** In clear, from the environment or a file; or else its hash. */
  readonly password?: Secret | undefined;
  readonly passwordHash?: PasswordHash | undefined;
  /** Common name of the client certificate that is this user. */
  readonly certificate?: string | undefined;
  readonly role: "agent" | "reader" | "admin" | "peer";
  /** `region/org/site` that an agent writes for; the hub's own when left out. */
  readonly site?: string | undefined;
  /** The agent's id; its user name when left out. */
  readonly agent?: string | undefined;
  /** The region that a peer owns; its user name when left out. */
  readonly region?: string | undefined;
  /** `region/org` whose quota it uses; an agent's is that of its site. */
  readonly org?: string | undefined;
  /** Topic filters within which a reader may subscribe. */
  readonly read: readonly string[];
  /** Topic filters within which a reader may ask for something to be set. */
  readonly set: readonly string[];
  /** Requests to the hub that change something and that a reader may make. */
  readonly ask?: readonly string[] | undefined;
}

/** A broker that is there already. */
export interface OutsideOptions {
  readonly url: Address;
  readonly username?: string | undefined;
  readonly password?: Secret | undefined;
  readonly ca?: string | undefined;
  readonly keepalive: number;
  readonly mqtt: MqttVersion;
}

export interface BrokerOptions {
  /** Set: the hub is a client there and opens no broker of its own. */
  readonly outside?: OutsideOptions | undefined;
  readonly listen: readonly Address[];
  readonly tls?: TlsOptions | undefined;
  /** Clients of MQTT 5 are let in, besides those of 3.1.1. */
  readonly mqtt5: boolean;
  /** Networks whose connections begin with a PROXY header. */
  readonly proxies: readonly string[];
  readonly users: Readonly<Record<string, User>>;
  readonly limits: BrokerLimits;
  /** By `region/org`. */
  readonly tenants: Readonly<Record<string, Tenant>>;
  readonly sessions: SessionOptions;
  /** Set: hubs of the region share it. */
  readonly redis?: RedisOptions | undefined;
  /** Set: agents get certificates of the hub's own authority. */
  readonly enroll?: EnrolOptions | undefined;
}

const siteText: Schema<string> = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9_-]{1,64}(\/[a-z0-9_-]{1,64}){2}$/, "write region/org/site"),
);

/** `region/org` */
export const orgName: v.GenericSchema<string> = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9_-]{1,64}\/[a-z0-9_-]{1,64}$/, "write region/org"),
);

const filterText: Schema<string> = v.pipe(text, v.check(isFilter, "not an MQTT topic filter"));

const requestName: Schema<string> = v.pipe(
  v.string(),
  v.regex(/^[\w-]{1,64}$/, "write the name of a request"),
);

const passwordHash: Schema<PasswordHash> = v.pipe(
  v.string(),
  v.metadata({ secret: true }),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const parsed = parsePasswordHash(dataset.value);
    if (parsed !== undefined) return parsed;
    addIssue({ message: "write what `rackstreet password` prints: $scrypt$ln=15,r=8,p=1$…$…" });
    return NEVER;
  }),
);

const userEntries = v.strictObject({
  password: v.optional(
    option(secret, { about: "The user's password.", example: "${AGENT_PASSWORD}" }),
  ),
  passwordHash: v.optional(
    option(passwordHash, {
      about: "Its hash instead, as `rackstreet password` prints it.",
      example: "$scrypt$ln=15,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$ZxK1b2vYg5oUQ0r0mJ3oSg",
    }),
  ),
  certificate: v.optional(
    option(v.pipe(text, v.maxLength(64)), {
      about: "Common name of the client certificate that is this user; it needs no password then.",
      example: "edge-1.example.org",
    }),
  ),
  role: option(v.picklist(["agent", "reader", "admin", "peer"]), {
    about:
      "agent publishes for its site, reader subscribes, admin may do both everywhere, peer is " +
      "the hub of another region (docs/federation.md).",
    example: "agent",
  }),
  site: v.optional(
    option(siteText, {
      about: "The place an agent publishes for; the hub's own when left out.",
      example: "local/main/hall-2",
    }),
  ),
  agent: v.optional(
    option(levelName, { about: "The agent's id; its user name when left out.", example: "edge-1" }),
  ),
  region: v.optional(
    option(levelName, {
      about: "The region that a peer owns; its user name when left out.",
      example: "zhejiang",
    }),
  ),
  org: v.optional(
    option(orgName, {
      about: "The organisation whose quota it uses; an agent's is that of its site.",
      example: "zhejiang/power",
    }),
  ),
  read: v.optional(
    option(v.pipe(v.array(filterText), v.maxLength(64)), {
      about: "Topic filters within which a reader may subscribe.",
      example: "rackstreet/v1/local/main/+/power/#",
    }),
    ["rackstreet/v1/#"],
  ),
  set: v.optional(
    option(v.pipe(v.array(filterText), v.maxLength(64)), {
      about: "Topics on which a reader may ask for something to be set; else it only reads.",
      example: "rackstreet/v1/local/main/+/light/+/set",
    }),
    [],
  ),
  ask: v.optional(
    option(v.pipe(v.array(requestName), v.maxLength(64)), {
      about: "Requests to the hub that change something and that a reader may make.",
      example: "acknowledge",
    }),
  ),
});

const user: Schema<User> = v.pipe(
  userEntries,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { password, passwordHash: hash, certificate } = dataset.value;
    if (password !== undefined && hash !== undefined) {
      addIssue({ message: "give `password` or `passwordHash`, not both" });
    } else if (password === undefined && hash === undefined && certificate === undefined) {
      addIssue({ message: "give `password`, `passwordHash` or `certificate`" });
    }
  }),
);

const outside: Schema<OutsideOptions> = v.strictObject({
  url: option(address({ mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 }), {
    about: "Where it is.",
    example: "mqtts://broker.example.org:8883",
  }),
  username: v.optional(option(text, { about: "The hub's user there.", example: "hub" })),
  password: v.optional(option(secret, { about: "Its password.", example: "${BROKER_PASSWORD}" })),
  ca: v.optional(
    option(text, { about: "File with the authority that signed the broker's certificate." }),
  ),
  keepalive: v.optional(
    option(atLeast("10s"), { about: "Longest silence on the link before a ping.", example: "30s" }),
    "30s",
  ),
  mqtt: v.optional(mqttVersion, "auto"),
});

const sessions: Schema<SessionOptions> = v.strictObject({
  count: v.optional(
    option(whole(0, 100_000), {
      about: "Clients whose session is kept; further ones, or all with 0, begin anew each time.",
      example: 1000,
    }),
    1000,
  ),
  keep: v.optional(
    option(atLeast("1s"), { about: "How long a client may be away.", example: "1d" }),
    "1d",
  ),
  messages: v.optional(
    option(whole(1, 1_000_000), {
      about: "Messages that wait for one client; the oldest goes first.",
      example: 10_000,
    }),
    10_000,
  ),
  bytes: v.optional(option(size, { about: "Their bytes.", example: "16MiB" }), "16MiB"),
});

const tls: Schema<TlsOptions> = v.strictObject({
  cert: option(text, {
    about: "File with the hub's certificate and those that signed it (PEM).",
    example: "/etc/rackstreet/hub.pem",
  }),
  key: option(text, {
    about: "File with its private key (PEM).",
    example: "/etc/rackstreet/hub-key.pem",
  }),
  clientCa: v.optional(
    option(text, {
      about: "File with the authority that signs certificates of clients; without it none count.",
      example: "/etc/rackstreet/clients-ca.pem",
    }),
  ),
  crl: v.optional(
    option(text, {
      about: "File with the certificates of clients that were revoked (PEM).",
      example: "/etc/rackstreet/revoked.pem",
    }),
  ),
  requireClient: v.optional(
    option(v.boolean(), { about: "Turn away clients without a certificate.", example: true }),
    false,
  ),
});

const listenAddress = address({ mqtt: 1883, mqtts: 8883, ws: 8083, wss: 8084 });

const entries = v.strictObject({
  outside: v.optional(
    option(outside, {
      about:
        "A broker that is there already (Mosquitto, EMQX, VerneMQ): the hub takes agents' " +
        "messages from it; listen, users and limits are then that broker's affair.",
    }),
  ),
  listen: v.optional(
    option(v.pipe(v.array(listenAddress), v.minLength(1), v.maxLength(16)), {
      about: "Addresses to listen on: mqtt (TCP), mqtts (TLS), ws and wss (MQTT over WebSocket).",
      example: "mqtt://127.0.0.1:1883",
    }),
    ["mqtt://127.0.0.1:1883"],
  ),
  tls: v.optional(option(tls, { about: "Certificates of the listeners mqtts and wss." })),
  mqtt5: v.optional(
    option(v.boolean(), {
      about:
        "Let clients of MQTT 5 in, besides those of 3.1.1 and 3.1 (docs/for-integrators.md says " +
        "what they get).",
      example: false,
    }),
    true,
  ),
  proxies: v.optional(
    option(v.pipe(v.array(network), v.maxLength(64)), {
      about: "Load balancers that say by a PROXY header for whom they connect, as networks.",
      example: "10.0.0.0/24",
    }),
    [],
  ),
  users: v.optional(
    option(v.record(v.pipe(v.string(), v.minLength(1, "must not be empty")), user), {
      about: "Who may connect, by user name. With none, anyone on this machine may.",
    }),
    {},
  ),
  limits: v.optional(option(limits, { about: "Bounds for each client." }), {}),
  tenants: v.optional(
    option(v.record(orgName, tenant), {
      about: "What organisations may take of the hub, by region/org; others have no bound.",
    }),
    {},
  ),
  enroll: v.optional(
    option(enrolOptions, {
      about:
        "Agents get their certificates from the hub, by one-time tokens: `rackstreet enroll` " +
        "(docs/securing-the-hub.md). Off when left out.",
    }),
  ),
  sessions: v.optional(
    option(sessions, { about: "What is kept for clients that come back (CleanSession 0)." }),
    {},
  ),
  redis: v.optional(
    option(redisOptions, {
      about: "A Redis that several hubs of one region share, so that clients may use any of them.",
    }),
  ),
});

/** The `broker` section of a configuration. */
export const brokerOptions: Schema<BrokerOptions> = v.pipe(
  entries,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { outside: elsewhere, listen, tls: given, users, enroll, redis } = dataset.value;
    const complain = (message: string, key: "listen" | "tls" | "redis"): void =>
      addIssue({ message, path: pathTo(dataset.value, [key]) });
    if (redis !== undefined && elsewhere !== undefined) {
      complain("a broker elsewhere (`outside`) keeps its own sessions", "redis");
    }
    if (elsewhere !== undefined) return;
    if (redis !== undefined && enroll !== undefined) {
      complain("`enroll` is one hub's own authority: hubs that share use `tls.clientCa`", "redis");
    }
    const open = enroll === undefined ? openDoor(listen, users) : undefined;
    if (open !== undefined) complain(open, "listen");
    const secure = listen.find(({ scheme }) => scheme === "mqtts" || scheme === "wss");
    if (enroll !== undefined && !listen.some(({ scheme }) => scheme === "mqtts")) {
      complain("`enroll` needs an address that begins with mqtts://", "listen");
    }
    if (secure !== undefined && given === undefined && enroll === undefined) {
      complain(`${addressText(secure)} needs \`tls\`: cert and key`, "listen");
    }
    if (given?.requireClient === true && given.clientCa === undefined && enroll === undefined) {
      complain("`requireClient` needs `clientCa`: who signs certificates of clients", "tls");
    }
  }),
);

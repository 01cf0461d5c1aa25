/**
 * The agent's options: who it is, how it polls, where it publishes, how much it may keep.
 */
import type { Address, MqttVersion, Schema, Secret } from "../config/index.ts";
import {
  address,
  atLeast,
  certWithKey,
  duration,
  interval,
  levelName,
  mqttVersion,
  option,
  secret,
  size,
  text,
  v,
  whole,
} from "../config/index.ts";
import type { HomeAssistantOptions } from "./home-assistant/options.ts";
import { homeAssistantOptions } from "./home-assistant/options.ts";
import type { NgsiLdOptions } from "./ngsi-ld/options.ts";
import { ngsiLdOptions } from "./ngsi-ld/options.ts";
import type { SparkplugOptions } from "./sparkplug/options.ts";
import { sparkplugOptions } from "./sparkplug/options.ts";

export interface UplinkOptions {
  /** Undefined in `rackstreet up`: the hub beside it. */
  readonly url?: Address | undefined;
  readonly username?: string | undefined;
  readonly password?: Secret | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly keepalive: number;
  readonly mqtt: MqttVersion;
  readonly window: number;
  readonly resend: number;
}

export interface AgentOptions {
  readonly id: string;
  readonly data: string;
  readonly interval: number;
  readonly health: number;
  readonly uplink: UplinkOptions;
  readonly spool: { readonly size: number; readonly segment: number; readonly commit: number };
  readonly sparkplug?: SparkplugOptions | undefined;
  readonly homeAssistant?: HomeAssistantOptions | undefined;
  readonly ngsiLd?: NgsiLdOptions | undefined;
}

const uplinkEntries = v.strictObject({
  url: v.optional(
    option(address({ mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 }), {
      about: "The hub's broker. Left out in `rackstreet up`, which uses the hub beside it.",
      example: "mqtts://hub.example.org:8883",
    }),
  ),
  username: v.optional(option(text, { about: "User at the broker.", example: "agent-1" })),
  password: v.optional(
    option(secret, {
      about: "Its password, from the environment or a file.",
      example: "${UPLINK}",
    }),
  ),
  ca: v.optional(
    option(text, { about: "File with the authority that signed the hub's certificate." }),
  ),
  cert: v.optional(
    option(text, {
      about: "File with the agent's own certificate (PEM), where the hub asks for one.",
      example: "/etc/rackstreet/agent.pem",
    }),
  ),
  key: v.optional(
    option(text, {
      about: "File with its private key (PEM), readable by the agent's user alone.",
      example: "/etc/rackstreet/agent-key.pem",
    }),
  ),
  keepalive: v.optional(
    option(atLeast("1s"), { about: "Longest silence on the link before a ping.", example: "30s" }),
    "30s",
  ),
  mqtt: v.optional(mqttVersion, "3.1.1"),
  window: v.optional(
    option(whole(1, 1000), { about: "Messages on the link that are not acknowledged yet." }),
    64,
  ),
  resend: v.optional(
    option(atLeast("1s"), {
      about: "A batch not reported stored within this time is sent again, as backfill.",
      example: "15s",
    }),
    "15s",
  ),
});

const uplinkSchema = v.pipe(uplinkEntries, certWithKey());

const spoolEntries = v.strictObject({
  size: v.optional(
    option(size, { about: "Most disk the spool may use; the oldest telemetry goes first." }),
    "1GiB",
  ),
  segment: v.optional(option(size, { about: "Size of one spool file." }), "4MiB"),
  commit: v.optional(
    option(duration, {
      about: "Longest wait for company before readings are made durable; 0ms: at once.",
    }),
    "100ms",
  ),
});

/** The oldest segment goes when the newest needs room: with fewer all would go at once. */
const leastSegments = 4;

const spoolSchema = v.pipe(
  spoolEntries,
  v.check(
    ({ size, segment }) => size >= leastSegments * segment,
    `size must hold at least ${leastSegments} segments`,
  ),
);

export const agentOptions: Schema<AgentOptions> = v.strictObject({
  id: v.optional(option(levelName, { about: "Name of this agent in its site." }), "agent"),
  data: v.optional(
    option(text, { about: "Folder of spool and counters.", example: "/var/lib/rackstreet/agent" }),
    "data/agent",
  ),
  interval: v.optional(
    option(interval, { about: "How often a device is read, unless it says otherwise." }),
    "5s",
  ),
  health: v.optional(option(interval, { about: "How often the agent reports on itself." }), "10s"),
  uplink: v.optional(option(uplinkSchema, { about: "The link to the hub's broker." }), {}),
  spool: v.optional(
    option(spoolSchema, { about: "What is kept until the hub has stored it." }),
    {},
  ),
  sparkplug: v.optional(
    option(sparkplugOptions, {
      about: "Shows devices to others as an edge node of Sparkplug B 3.0 (docs/facades.md).",
    }),
  ),
  homeAssistant: v.optional(
    option(homeAssistantOptions, {
      about: "Shows devices to Home Assistant by MQTT discovery (docs/facades.md).",
    }),
  ),
  ngsiLd: v.optional(
    option(ngsiLdOptions, {
      about: "Shows devices at a context broker of NGSI-LD, FIWARE's (docs/facades.md).",
    }),
  ),
});

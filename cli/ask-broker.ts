/** Asks a broker for retained messages, for commands that show what agents and hubs have said. */
import type { LinkOptions } from "../agent/index.ts";
import { openUplink } from "../agent/index.ts";
import type { Address } from "../config/index.ts";
import { address, addressText, Secret } from "../config/index.ts";
import type { Log, ParsedTopic, Platform } from "../telemetry/index.ts";
import { GatewayError, parseTopic, sleep } from "../telemetry/index.ts";
import { parsedArgument } from "./command.ts";
import type { LoadedConfig } from "./config.ts";

/** How long to wait for the link, and then for retained messages. @unit ms */
const patience = { connect: 5000, messages: 700 };

const brokerAddress = address({ mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 });

/** Options of a command that asks a broker. */
export const brokerOptions = {
  url: { type: "string", describe: "The broker; default: the configuration's." },
  username: { type: "string", describe: "User at the broker (reader or admin)." },
  "password-from": {
    type: "string",
    describe: "Where the password is: ${NAME} or file:/path; never on the command line.",
  },
} as const;

export interface BrokerArguments {
  readonly url: string | undefined;
  readonly username: string | undefined;
  readonly passwordFrom: string | undefined;
}

export interface Question {
  /** Topic filters. */
  readonly filters: readonly string[];
  /** Takes an answer; true when no more are needed. */
  readonly answer: (topic: ParsedTopic, payload: Uint8Array) => boolean;
  /** Longest wait for the link. @unit ms */
  readonly connect?: number;
}

/**
 * Subscribes, and hands on what comes until enough has come or nothing more is to be expected.
 * @throws E_USAGE, E_SECRET_MISSING, E_UPLINK
 */
export async function askBroker(
  given: BrokerArguments,
  { loaded, platform }: { readonly loaded: LoadedConfig; readonly platform: Platform },
  { filters, answer, connect = patience.connect }: Question,
): Promise<void> {
  const { url: target, options } = brokerTarget(given, loaded);
  let up = false;
  let why = "no answer";
  const [decided, enough] = [new AbortController(), new AbortController()];
  const log: Log = {
    ...platform.log,
    warn: (_event, fields) => {
      why = String(fields?.["why"] ?? why);
      decided.abort();
    },
  };
  await using _link = openUplink(
    { url: target, clientId: `rackstreet-asking-${platform.entropy.id()}`, subscribe: filters },
    options,
    {
      platform: { ...platform, log },
      events: {
        up: () => {
          up = true;
          decided.abort();
        },
        down: () => undefined,
        message: (topic, payload) => {
          const parsed = parseTopic(topic);
          if (parsed !== undefined && answer(parsed, payload)) enough.abort();
        },
      },
    },
  );
  await sleep(platform.clock, connect, decided.signal);
  if (!up) throw new GatewayError("E_UPLINK", `${addressText(target)}: ${why}`);
  await sleep(platform.clock, patience.messages, enough.signal);
}

/** Which broker, and how to enter it. */
export interface BrokerTarget {
  readonly url: Address;
  readonly options: LinkOptions;
}

/** The broker that is named, or else the configuration's. @throws E_USAGE, E_SECRET_MISSING */
export function brokerTarget(given: BrokerArguments, loaded: LoadedConfig): BrokerTarget {
  const { agent, broker } = loaded.config;
  const { url, username, passwordFrom } = given;
  const named = url === undefined ? undefined : parsedArgument("url", url, brokerAddress);
  const listening = broker.listen.find(({ scheme }) => scheme === "mqtt");
  const target = named ?? agent.uplink.url ?? broker.outside?.url ?? listening;
  if (target === undefined) throw new GatewayError("E_USAGE", "give --url");
  const password = passwordFrom === undefined ? undefined : new Secret(passwordFrom);
  // Asked for here, once: the link itself would try again for as long as it is missing.
  password?.reveal();
  return { url: target, options: { ...agent.uplink, username, password } };
}

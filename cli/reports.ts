/**
 * What agents and hubs say of themselves on MQTT: their newest reports are retained, so that they
 * come at once.
 */
import { openUplink } from "../agent/index.ts";
import { address, addressText, Secret } from "../config/index.ts";
import type { DeviceAddress, Fields, Log, Platform } from "../telemetry/index.ts";
import { decodeMessage, GatewayError, parseTopic, sleep } from "../telemetry/index.ts";
import { parsedArgument } from "./command.ts";
import type { Config } from "./schema.ts";

/** How long to wait for the retained messages. @unit ms */
const patience = { connect: 5000, messages: 700 };

const brokerAddress = address({ mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 });

export interface Report {
  readonly address: DeviceAddress;
  /** @unit ms since 1970-01-01 UTC */
  readonly time: number;
  readonly stream: string;
  readonly fields: Fields;
}

/** Where the broker is and who asks. */
export interface Asked {
  readonly url: string | undefined;
  readonly username: string | undefined;
  readonly passwordFrom: string | undefined;
}

/** Options of the commands that ask. */
export const askOptions = {
  url: { type: "string", describe: "The broker; default: the configuration's." },
  username: { type: "string", describe: "User at the broker (reader or admin)." },
  "password-from": {
    type: "string",
    describe: "Where the password is: ${NAME} or file:/path; never on the command line.",
  },
} as const;

/**
 * The newest report of each agent and hub.
 * @throws E_USAGE, E_SECRET_MISSING, E_UPLINK
 */
export async function askReports(
  { agent, broker }: Config,
  { url, username, passwordFrom }: Asked,
  platform: Platform,
): Promise<readonly Report[]> {
  const given = url === undefined ? undefined : parsedArgument("url", url, brokerAddress);
  const target =
    given ??
    agent.uplink.url ??
    broker.outside?.url ??
    broker.listen.find(({ scheme }) => scheme === "mqtt");
  if (target === undefined) throw new GatewayError("E_USAGE", "give --url");
  const password = passwordFrom === undefined ? undefined : new Secret(passwordFrom);
  // Asked for here, once: the link itself would try again for as long as it is missing.
  password?.reveal();
  const reports = new Map<string, Report>();
  let up = false;
  let why = "no answer";
  const decided = new AbortController();
  const log: Log = {
    ...platform.log,
    warn: (_event, fields) => {
      why = String(fields?.["why"] ?? why);
      decided.abort();
    },
  };
  await using _link = openUplink(
    {
      url: target,
      clientId: `rackstreet-status-${platform.entropy.id()}`,
      subscribe: ["rackstreet/v1/+/+/+/agent/+/telemetry", "rackstreet/v1/+/+/+/hub/+/telemetry"],
    },
    { ...agent.uplink, username, password },
    {
      platform: { ...platform, log },
      events: {
        up: () => {
          up = true;
          decided.abort();
        },
        down: () => undefined,
        message: (topic, payload) => note(reports, topic, payload),
      },
    },
  );
  await sleep(platform.clock, patience.connect, decided.signal);
  if (!up) throw new GatewayError("E_UPLINK", `${addressText(target)}: ${why}`);
  await sleep(platform.clock, patience.messages);
  return [...reports.values()];
}

function note(reports: Map<string, Report>, topic: string, payload: Uint8Array): void {
  const parsed = parseTopic(topic);
  if (parsed === undefined) return;
  const decoded = decodeMessage(payload, "telemetry");
  if (!("ok" in decoded)) return;
  const batch = decoded.ok.batches[0];
  const point = batch?.points[0];
  if (batch === undefined || point === undefined) return;
  const { stream } = decoded.ok;
  const { address } = parsed;
  reports.set(topic, { address, time: batch.time, stream, fields: point.fields });
}

/**
 * `rackstreet status`: both sides of the ledger, as agents and hub say themselves on MQTT:
 * offered = stored + queued + shed at each agent, received = stored + queued + refused + overflow
 * at each hub.
 */
import { openUplink } from "../../agent/index.ts";
import { address, addressText, Secret } from "../../config/index.ts";
import type { Fields, Log, ParsedTopic } from "../../telemetry/index.ts";
import { decodeMessage, GatewayError, parseTopic, sleep } from "../../telemetry/index.ts";
import {
  configOption,
  defineCommand,
  jsonOption,
  openPlatform,
  parsedArgument,
  print,
  printJson,
} from "../command.ts";
import { renderTable } from "../table.ts";
import { shownAge } from "../values.ts";

/** How long to wait for the retained messages. @unit ms */
const patience = { connect: 5000, messages: 700 };

const brokerAddress = address({ mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 });

interface Report {
  readonly who: string;
  readonly time: number;
  readonly fields: Fields;
}

export const statusCommand = defineCommand({
  command: "status",
  describe: "Show the ledger of agents and hubs: what was offered, stored, queued, shed",
  builder: (yargs) =>
    yargs
      .option("config", configOption)
      .option("url", { type: "string", describe: "The broker; default: the configuration's." })
      .option("username", { type: "string", describe: "User at the broker (reader or admin)." })
      .option("password-from", {
        type: "string",
        describe: "Where the password is: ${NAME} or file:/path; never on the command line.",
      })
      .option("json", jsonOption)
      .example("$0 status -c site.yaml", "agents and hub of a running site"),
  handler: async ({ config, url, username, passwordFrom, json }) => {
    const { loaded, platform } = await openPlatform(config, "error");
    const { agent, broker } = loaded.config;
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
          message: (topic, payload) => note(reports, parseTopic(topic), payload),
        },
      },
    );
    await sleep(platform.clock, patience.connect, decided.signal);
    if (!up) throw new GatewayError("E_UPLINK", `${addressText(target)}: ${why}`);
    await sleep(platform.clock, patience.messages);
    show([...reports.values()], platform.clock.now(), json);
  },
});

function note(
  reports: Map<string, Report>,
  parsed: ParsedTopic | undefined,
  payload: Uint8Array,
): void {
  if (parsed === undefined) return;
  const decoded = decodeMessage(payload, "telemetry");
  const batch = "ok" in decoded ? decoded.ok.batches[0] : undefined;
  const point = batch?.points[0];
  if (batch === undefined || point === undefined) return;
  const { region, org, site, class: role, device } = parsed.address;
  const who = `${role} ${region}/${org}/${site}/${device}`;
  reports.set(who, { who, time: batch.time, fields: point.fields });
}

function number(fields: Fields, name: string): number {
  return Number(fields[name] ?? 0);
}

function show(reports: readonly Report[], now: number, json: boolean): void {
  if (json) return printJson(reports);
  if (reports.length === 0) return print("no agent or hub has reported yet");
  const rows = reports.map(({ who, time, fields }) => {
    const hub = who.startsWith("hub ");
    const gone = hub
      ? number(fields, "refused_total") + number(fields, "overflow_total")
      : ["full", "disk", "damaged", "large"]
          .map((reason) => number(fields, `shed_${reason}_total`))
          .reduce((a, b) => a + b, 0);
    const offered = number(fields, hub ? "received_total" : "offered_total");
    const stored = number(fields, "stored_total");
    const queued = number(fields, "queued_count");
    const equal = offered === stored + queued + gone ? "yes" : "NO";
    const counts = [offered, stored, queued, gone].map(String);
    return [who, ...counts, equal, `${shownAge(now - time)} ago`];
  });
  const head = ["who", "offered", "stored", "queued", "shed", "adds up", "said"];
  print(renderTable(head, rows));
}

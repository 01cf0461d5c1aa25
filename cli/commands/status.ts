/**
 * `rackstreet status`: both sides of the ledger, as agents and hub say themselves on MQTT:
 * offered = stored + queued + shed at each agent, received = stored + queued + refused + overflow
 * at each hub.
 */
import type { Fields, ParsedTopic } from "../../telemetry/index.ts";
import { decodeMessage } from "../../telemetry/index.ts";
import { askBroker, brokerOptions } from "../ask-broker.ts";
import {
  configOption,
  defineCommand,
  jsonOption,
  openPlatform,
  print,
  printJson,
} from "../command.ts";
import { renderTable } from "../table.ts";
import { shownAge } from "../values.ts";

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
      .options(brokerOptions)
      .option("json", jsonOption)
      .example("$0 status -c site.yaml", "agents and hub of a running site"),
  handler: async ({ config, url, username, passwordFrom, json }) => {
    const { loaded, platform } = await openPlatform(config, "error");
    const reports = new Map<string, Report>();
    await askBroker(
      { url, username, passwordFrom },
      { loaded, platform },
      {
        filters: ["rackstreet/v1/+/+/+/agent/+/telemetry", "rackstreet/v1/+/+/+/hub/+/telemetry"],
        answer: (topic, payload) => {
          note(reports, topic, payload);
          return false;
        },
      },
    );
    show([...reports.values()], platform.clock.now(), json);
  },
});

function note(reports: Map<string, Report>, parsed: ParsedTopic, payload: Uint8Array): void {
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

/**
 * `rackstreet status`: both sides of the ledger, as agents and hub say themselves on MQTT:
 * offered = stored + queued + shed at each agent, received = stored + queued + refused + overflow
 * at each hub.
 */
import { shedOf, shedTotal } from "../../store/index.ts";
import type { Fields } from "../../telemetry/index.ts";
import { brokerOptions } from "../ask-broker.ts";
import { configOption, defineCommand, jsonOption, openPlatform } from "../command.ts";
import { print, printJson } from "../command.ts";
import type { Report } from "../reports.ts";
import { askReports } from "../reports.ts";
import { renderTable } from "../table.ts";
import { shownAge } from "../values.ts";

export const statusCommand = defineCommand({
  command: "status",
  describe: "Show the ledger of agents and hubs: what was offered, stored, queued, shed",
  builder: (yargs) =>
    yargs
      .option("config", configOption)
      .options(brokerOptions)
      .option("json", jsonOption)
      .example("$0 status -c site.yaml", "agents and hub of a running site"),
  handler: async ({ config, json, ...asked }) => {
    const { loaded, platform } = await openPlatform(config, "error");
    const { url, username, passwordFrom } = asked;
    const broker = { url, username, passwordFrom };
    show(await askReports(broker, { loaded, platform }), platform.clock.now(), json);
  },
});

function number(fields: Fields, name: string): number {
  return Number(fields[name] ?? 0);
}

function show(reports: readonly Report[], now: number, json: boolean): void {
  const named = reports.map(({ address, time, fields }) => {
    const { region, org, site, class: role, device } = address;
    return { who: `${role} ${region}/${org}/${site}/${device}`, time, fields };
  });
  if (json) return printJson(named);
  if (reports.length === 0) return print("no agent or hub has reported yet");
  const rows = named.map(({ who, time, fields }) => {
    const hub = who.startsWith("hub ");
    const gone = hub
      ? number(fields, "refused_total") + number(fields, "overflow_total")
      : shedTotal(shedOf(fields));
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

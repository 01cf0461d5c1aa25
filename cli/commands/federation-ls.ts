/** `rackstreet federation ls`: what hubs say of their peers, as they report it on MQTT. */
import { brokerOptions } from "../ask-broker.ts";
import { configOption, defineCommand, jsonOption, openPlatform } from "../command.ts";
import { print, printJson } from "../command.ts";
import type { Report } from "../reports.ts";
import { askReports } from "../reports.ts";
import { renderTable } from "../table.ts";
import { shownAge } from "../values.ts";

export const federationLsCommand = defineCommand({
  command: "ls",
  describe: "List peers: link, what was offered, stored, queued, given up, refused; grants",
  builder: (yargs) =>
    yargs
      .option("config", configOption)
      .options(brokerOptions)
      .option("json", jsonOption)
      .example("$0 federation ls -c hub.yaml", "the peers of a running hub"),
  handler: async ({ config, json, ...asked }) => {
    const { loaded, platform } = await openPlatform(config, "error");
    const { url, username, passwordFrom } = asked;
    const broker = { url, username, passwordFrom };
    const peers = (await askReports(broker, { loaded, platform })).flatMap((one) => peersOf(one));
    if (json) return printJson(peers);
    if (peers.length === 0)
      return print("no hub has reported a peer: `federation.peers` names them");
    const now = platform.clock.now();
    print(
      renderTable(
        head,
        peers.map((peer) => rowOf(peer, now)),
      ),
    );
  },
});

const counted = ["items", "offered", "stored", "queued", "shed", "revoked", "denied"];
const head = ["hub", "peer", "link", ...counted, "adds up", "said"];

interface Peer {
  readonly hub: string;
  readonly peer: string;
  /** @unit ms since 1970-01-01 UTC */
  readonly time: number;
  readonly up: boolean;
  readonly items: number;
  readonly offered: number;
  readonly stored: number;
  readonly queued: number;
  readonly shed: number;
  readonly revoked: number;
  readonly denied: number;
}

function peersOf({ address, time, points }: Report): Peer[] {
  const { region, org, site, device } = address;
  const told = points.filter(({ measurement }) => measurement === "hub_peer");
  return told.map(({ tags = {}, fields }) => {
    const count = (name: string): number => Number(fields[name] ?? 0);
    return {
      hub: `${region}/${org}/${site}/${device}`,
      peer: tags["peer"] ?? "",
      time,
      up: count("link_state") === 1,
      items: count("items_count"),
      offered: count("offered_total"),
      stored: count("stored_total"),
      queued: count("queued_count"),
      shed: count("shed_total"),
      revoked: count("revoked_total"),
      denied: count("denied_total"),
    };
  });
}

function rowOf({ hub, peer, time, up, ...counts }: Peer, now: number): string[] {
  const { items, offered, stored, queued, shed, revoked, denied } = counts;
  const equal = offered === stored + queued + shed + revoked ? "yes" : "NO";
  const numbers = [items, offered, stored, queued, shed, revoked, denied].map(String);
  return [hub, peer, up ? "up" : "down", ...numbers, equal, `${shownAge(now - time)} ago`];
}

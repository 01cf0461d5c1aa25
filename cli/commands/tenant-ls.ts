/** `rackstreet tenant ls`: the users of a hub, what they may, and what they may take. */
import type { Tenant } from "../../broker/index.ts";
import { grantOf, rightsOf, whoIs } from "../../broker/index.ts";
import { configArgument, defineCommand, jsonOption, print, printJson } from "../command.ts";
import { loadConfig } from "../config.ts";
import { siteOf } from "../run-agent.ts";
import { renderTable } from "../table.ts";

export const tenantLsCommand = defineCommand({
  command: "ls <config>",
  describe: "List users: organisation, rights, quota",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("json", jsonOption)
      .example("$0 tenant ls hub.yaml", "who may what"),
  handler: async ({ config, json }) => {
    const loaded = await loadConfig(config);
    const { users, tenants } = loaded.config.broker;
    const site = siteOf(loaded);
    const listed = Object.entries(users).map(([name, user]) => {
      const { org } = whoIs(name, user, site);
      const rights = rightsOf(grantOf(name, user, `${site.region}/${site.org}/${site.site}`));
      const quota = org === undefined ? undefined : tenants[org];
      return { user: name, role: user.role, org: org ?? null, ...rights, quota: quota ?? null };
    });
    if (json) return printJson(listed);
    if (listed.length === 0) return print("no users: anyone on this machine may read and write");
    const rows = listed.map(({ user, role, org, read, write, quota }) => {
      return [user, role, org ?? "", read.join("\n"), write.join("\n"), quotaText(quota)];
    });
    print(renderTable(["user", "role", "org", "reads", "writes", "quota"], rows));
  },
});

function quotaText(quota: Tenant | null): string {
  if (quota === null) return "none";
  const { rate, connections, sessions, retained, series } = quota;
  const parts = [
    rate.messages === undefined ? "" : `${rate.messages} messages/s`,
    rate.bytes === undefined ? "" : `${rate.bytes} B/s`,
    connections === undefined ? "" : `${connections} connections`,
    sessions === undefined ? "" : `${sessions} sessions`,
    retained === undefined ? "" : `${retained} retained`,
    series === undefined ? "" : `${series} series`,
  ];
  return parts.filter((part) => part !== "").join("\n") || "none";
}

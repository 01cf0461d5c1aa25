/** `rackstreet enroll ls`: which agents have certificates, until when; which tokens are open. */
import { join } from "node:path";
import { Book, pendingOf, readOrders } from "../../broker/index.ts";
import { configArgument, defineCommand, jsonOption, openPlatform } from "../command.ts";
import { print, printJson } from "../command.ts";
import { readFolder } from "../folder.ts";
import { renderTable } from "../table.ts";

interface Listed {
  readonly agent: string;
  readonly site: string;
  readonly state: "enrolled" | "expired" | "revoked" | "token" | "replaced";
  /** @unit ms since 1970-01-01 UTC */
  readonly until: number | null;
  readonly fingerprint: string | null;
}

export const enrollLsCommand = defineCommand({
  command: "ls <config>",
  describe: "At the hub: list enrolled agents, and tokens that may still be used",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("json", jsonOption)
      .example("$0 enroll ls hub.yaml", "who is enrolled, and until when"),
  handler: async ({ config, json }) => {
    const { loaded, platform } = await openPlatform(config);
    const listed = await list(join(loaded.config.hub.data, "enroll"), platform);
    if (json) return printJson(listed);
    if (listed.length === 0) return print("nobody is enrolled, and no token is open");
    const rows = listed.map(({ agent, site, state, until, fingerprint }) => {
      const end = until === null ? "" : new Date(until).toISOString().slice(0, 16);
      return [agent, site, state, end, fingerprint?.slice(0, 16) ?? ""];
    });
    print(renderTable(["agent", "site", "state", "until", "fingerprint"], rows));
  },
});

async function list(
  folder: string,
  { clock, log }: Awaited<ReturnType<typeof openPlatform>>["platform"],
): Promise<readonly Listed[]> {
  const disk = readFolder(folder);
  const there = await disk.list().catch(() => undefined);
  if (there === undefined) return [];
  const [orders, book] = [await readOrders(disk), await Book.open(disk, log)];
  const now = clock.now();
  const coming = new Set(pendingOf(orders, book).map(({ site, agent }) => `${site}/${agent}`));
  const agents = book.all.map(({ site, agent, certificates, gone }): Listed => {
    const newest = certificates.at(-1);
    if (newest === undefined || coming.has(`${site}/${agent}`)) {
      const state = newest === undefined ? (gone.at(-1)?.why ?? "revoked") : "revoked";
      return { agent, site, state, until: null, fingerprint: null };
    }
    const { until, fingerprint } = newest;
    return { agent, site, state: until > now ? "enrolled" : "expired", until, fingerprint };
  });
  const tokens = orders.tokens
    .filter(({ id, site, agent, until }) => until > now && book.of(site, agent).token?.id !== id)
    .map(({ site, agent, until }): Listed => {
      return { agent, site, state: "token", until, fingerprint: null };
    });
  return [...agents, ...tokens];
}

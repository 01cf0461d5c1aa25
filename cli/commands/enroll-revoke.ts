/** `rackstreet enroll revoke`: an agent's certificates hold no more, also while it is connected. */
import { Book, pendingOf, readOrders, withRevocation, writeOrders } from "../../broker/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { configArgument, defineCommand, openPlatform, print } from "../command.ts";
import { openEnrolFolder } from "../enrol-folder.ts";
import { siteOf } from "../run-agent.ts";

export const enrollRevokeCommand = defineCommand({
  command: "revoke <config> <agent>",
  describe: "At the hub: an agent's certificates and token hold no more; a hub that runs cuts it",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .positional("agent", { type: "string", demandOption: true, describe: "The agent's id." })
      .option("site", { type: "string", describe: "region/org/site; default: the hub's own." })
      .example("$0 enroll revoke hub.yaml edge-1", "within a second, also on a live session"),
  handler: async ({ config, agent, site: place }) => {
    const { loaded, platform } = await openPlatform(config);
    const { region, org, site: own } = siteOf(loaded);
    const site = place ?? `${region}/${org}/${own}`;
    await using folder = await openEnrolFolder(loaded, platform.clock);
    const { disk } = folder.setup;
    const orders = await readOrders(disk);
    const book = await Book.open(disk, platform.log);
    const { certificates, token } = book.of(site, agent);
    const held = certificates.length;
    const open = orders.tokens.filter(
      (one) => one.site === site && one.agent === agent && one.id !== token?.id,
    ).length;
    if (held === 0 && open === 0) {
      throw new GatewayError(
        "E_USAGE",
        `agent ${agent} of ${site} has no certificate and no token`,
      );
    }
    const pending = { ...orders, revoked: pendingOf(orders, book) };
    const revocation = { id: platform.entropy.id(), site, agent };
    await writeOrders(disk, withRevocation(pending, revocation));
    print(`agent ${agent} of ${site}: ${held} certificates revoked, ${open} tokens withdrawn`);
  },
});

/** `rackstreet federation`: hubs of other regions. */
import { defineCommand } from "../command.ts";
import { federationLsCommand } from "./federation-ls.ts";

export const federationCommand = defineCommand({
  command: "federation",
  describe: "Hubs of other regions that a hub forwards to",
  builder: (yargs) =>
    yargs
      .command(federationLsCommand)
      .demandCommand(1, "Name what to do: ls.")
      .example("$0 federation ls -c hub.yaml", "links, queues, grants"),
  handler: () => undefined,
});

/** `rackstreet spool`: the tools of a facility engineer for the spool of an agent. */
import { defineCommand } from "../command.ts";
import { exportCommand } from "./spool-export.ts";
import { lsCommand } from "./spool-ls.ts";
import { repairCommand } from "./spool-repair.ts";
import { verifyCommand } from "./spool-verify.ts";

export const spoolCommand = defineCommand({
  command: "spool",
  describe: "Look into the spool of an agent, take its batches elsewhere, repair it",
  builder: (yargs) =>
    yargs
      .command(lsCommand)
      .command(verifyCommand)
      .command(exportCommand)
      .command(repairCommand)
      .demandCommand(1, "Name what to do: ls, verify, export or repair.")
      .example("$0 spool ls -c site.yaml", "what waits, and since when"),
  handler: () => undefined,
});

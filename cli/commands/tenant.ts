/** `rackstreet tenant`: who may what at the hub, why, and whether the hub keeps to it. */
import { defineCommand } from "../command.ts";
import { tenantAddCommand } from "./tenant-add.ts";
import { tenantAuditCommand } from "./tenant-audit.ts";
import { tenantLsCommand } from "./tenant-ls.ts";
import { tenantWhyCommand } from "./tenant-why.ts";

export const tenantCommand = defineCommand({
  command: "tenant",
  describe: "Users of the hub: what each may, by which rule, and whether the hub keeps to it",
  builder: (yargs) =>
    yargs
      .command(tenantAddCommand)
      .command(tenantAuditCommand)
      .command(tenantLsCommand)
      .command(tenantWhyCommand)
      .demandCommand(1, "Name what to do: add, audit, ls or why.")
      .example("$0 tenant audit hub.yaml", "every user tries every way over its border"),
  handler: () => undefined,
});

/** `rackstreet alerts`: what fires at a running hub, what is done about it, and who is told. */
import { defineCommand } from "../command.ts";
import { alertsAckCommand } from "./alerts-ack.ts";
import { alertsLsCommand } from "./alerts-ls.ts";
import { alertsShelveCommand } from "./alerts-shelve.ts";
import { alertsTestCommand } from "./alerts-test.ts";
import { alertsUnshelveCommand } from "./alerts-unshelve.ts";

export const alertsCommand = defineCommand({
  command: "alerts",
  describe: "Show, acknowledge and shelve alerts; try out who is told of them",
  builder: (yargs) =>
    yargs
      .command(alertsLsCommand)
      .command(alertsAckCommand)
      .command(alertsShelveCommand)
      .command(alertsUnshelveCommand)
      .command(alertsTestCommand)
      .demandCommand(1, "Name a command: ls, ack, shelve, unshelve, test.")
      .example("$0 alerts ls -c hub.yaml", "what fires, and who looks after it")
      .example("$0 alerts test -c hub.yaml", "a test message to each notifier"),
  handler: () => undefined,
});

/** `rackstreet alerts`: what concerns alerts beside the running hub. */
import { defineCommand } from "../command.ts";
import { alertsTestCommand } from "./alerts-test.ts";

export const alertsCommand = defineCommand({
  command: "alerts",
  describe: "Try out who is told of alerts",
  builder: (yargs) =>
    yargs
      .command(alertsTestCommand)
      .demandCommand(1, "Name a command: test.")
      .example("$0 alerts test -c hub.yaml", "a test message to each notifier"),
  handler: () => undefined,
});

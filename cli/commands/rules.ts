/** `rackstreet rules`: try alert rules before they wake anybody. Each command in its own file. */
import { defineCommand } from "../command.ts";
import { rulesBacktestCommand } from "./rules-backtest.ts";
import { rulesTestCommand } from "./rules-test.ts";

export const rulesCommand = defineCommand({
  command: "rules",
  describe: "Try alert rules: on made-up series with expected answers, and on stored history",
  builder: (yargs) =>
    yargs
      .command(rulesTestCommand)
      .command(rulesBacktestCommand)
      .demandCommand(1, "Name a command: test or backtest.")
      .example("$0 rules test config/rules", "every rule pack against its tests")
      .example("$0 rules backtest site.yaml --since 30d", "what would have fired"),
  handler: () => undefined,
});

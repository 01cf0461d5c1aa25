/** `rackstreet alerts unshelve`: ends a shelf before its time. */
import { actOptions, askAlerts, deviceArgument, pickOf, ruleArgument } from "../alert-acts.ts";
import { defineCommand, print, printJson } from "../command.ts";

export const alertsUnshelveCommand = defineCommand({
  command: "unshelve <rule> [device]",
  describe: "End a shelf, named as it was shelved: what still fires is told",
  builder: (yargs) =>
    yargs
      .positional("rule", ruleArgument)
      .positional("device", deviceArgument)
      .options(actOptions)
      .example("$0 alerts unshelve rack-hot rack-12 -c hub.yaml", "the fan runs again"),
  handler: async ({ rule, device, where, comment, config, json, ...broker }) => {
    const pick = pickOf({ rule, device, where });
    const args = { ...pick, comment };
    await askAlerts({ config, broker, do: "alerts-unshelve", args });
    if (json) printJson({ unshelved: pick });
    else print("unshelved");
  },
});

/** `rackstreet alerts shelve`: nobody is told of some alerts for a while. */
import { v } from "../../config/index.ts";
import { actOptions, askAlerts, deviceArgument, pickOf, ruleArgument } from "../alert-acts.ts";
import { defineCommand, durationArgument, print, printJson } from "../command.ts";

const answer = v.object({ until: v.number() });

export const alertsShelveCommand = defineCommand({
  command: "shelve <rule> [device]",
  describe: "Shelve alerts for a while: they are judged and shown, but told to nobody",
  builder: (yargs) =>
    yargs
      .positional("rule", ruleArgument)
      .positional("device", deviceArgument)
      .options(actOptions)
      .option("for", {
        type: "string",
        demandOption: true,
        describe: "How long: 30m, 8h; 30d at most.",
      })
      .example("$0 alerts shelve rack-hot rack-12 --for 8h -c hub.yaml", "until the fan is changed")
      .example(
        "$0 alerts shelve leak --where zone=h1 --for 2h -c hub.yaml",
        "while a hall is washed",
      ),
  handler: async ({ rule, device, where, comment, for: length, config, json, ...broker }) => {
    durationArgument("for", length);
    const pick = pickOf({ rule, device, where });
    const args = { ...pick, comment, for: length };
    const [part] = await askAlerts({ config, broker, do: "alerts-shelve", args });
    const { until } = v.parse(answer, part);
    if (json) printJson({ shelved: pick, until });
    else print(`shelved until ${new Date(until).toISOString()}`);
  },
});

/** `rackstreet alerts ack`: somebody looks after alerts that fire. */
import { v } from "../../config/index.ts";
import { actOptions, askAlerts, deviceArgument, pickOf, ruleArgument } from "../alert-acts.ts";
import { defineCommand, print, printJson } from "../command.ts";
import { counted } from "../values.ts";

const answer = v.object({ count: v.number() });

export const alertsAckCommand = defineCommand({
  command: "ack <rule> [device]",
  describe: "Acknowledge alerts that fire: you look after them until they resolve",
  builder: (yargs) =>
    yargs
      .positional("rule", ruleArgument)
      .positional("device", deviceArgument)
      .options(actOptions)
      .example("$0 alerts ack rack-hot rack-12 -c hub.yaml --comment 'fan is on its way'", "")
      .example("$0 alerts ack rack-hot --where rack=r12 -c hub.yaml", "all of a rack"),
  handler: async ({ rule, device, where, comment, config, json, ...broker }) => {
    const args = { ...pickOf({ rule, device, where }), comment };
    const [part] = await askAlerts({ config, broker, do: "alerts-acknowledge", args });
    const { count } = v.parse(answer, part);
    if (json) printJson({ acknowledged: count });
    else print(`${counted(count, "alert")} acknowledged`);
  },
});

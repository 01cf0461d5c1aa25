/** `rackstreet simulate`: the simulated devices of a configuration alone, for trying agents out. */
import { configArgument, defineCommand, forOption, jsonOption, openPlatform } from "../command.ts";
import { print, printJson, Stop } from "../command.ts";
import { startSimulatedSite } from "../simulated-site.ts";

export const simulateCommand = defineCommand({
  command: "simulate <config>",
  describe: "Run only the simulated devices of a configuration",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("for", forOption)
      .option("json", jsonOption)
      .example("$0 simulate config/examples/demo.yaml", "prints where each device listens"),
  handler: async ({ config, for: limit, json }) => {
    using stop = new Stop(limit);
    const { loaded, platform } = await openPlatform(config);
    await using site = await startSimulatedSite(loaded, platform);
    if (json) printJson({ running: site.running, missing: site.missing });
    else {
      for (const { device, address } of site.running) print(`${device}  ${address}`);
      for (const line of site.missing) print(`left out: ${line}`);
      print("stop with Ctrl-C");
    }
    await stop.asked;
  },
});

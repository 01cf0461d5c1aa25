/** `rackstreet hub`: broker, ingest, store and alerts. */
import { configArgument, defineCommand, forOption, jsonOption, openPlatform } from "../command.ts";
import { print, printJson, Stop } from "../command.ts";
import { transitionText } from "../live-view.ts";
import { Reload } from "../reload.ts";
import { runConsole } from "../run-console.ts";
import { runHub } from "../run-hub.ts";

export const hubCommand = defineCommand({
  command: "hub <config>",
  describe: "Run the hub: broker, ingest, store, alerts",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("for", forOption)
      .option("json", { ...jsonOption, describe: "End with one line of JSON: the counts." })
      .example("$0 hub /etc/rackstreet/hub.yaml", "run until SIGTERM"),
  handler: async ({ config, for: limit, json }) => {
    using stop = new Stop(limit);
    const { loaded, platform } = await openPlatform(config);
    await using hub = await runHub(loaded, platform, (transition) => {
      if (!json) print(transitionText(transition));
    });
    await using _console = await runConsole(loaded, { hub }, platform);
    using _reload = new Reload(loaded, platform, hub.taken);
    await stop.asked;
    const { received, stored, queued, refused, overflow } = hub.service.counts;
    const { firing } = hub.alerts.firing();
    if (json) printJson({ received, stored, queued, refused, overflow, firing });
  },
});

/** `rackstreet hub`: broker, ingest, store and alerts; or ingest alone. */
import { configArgument, defineCommand, forOption, jsonOption, openPlatform } from "../command.ts";
import { print, printJson, Stop } from "../command.ts";
import { transitionText } from "../live-view.ts";
import { Reload } from "../reload.ts";
import { runConsole } from "../run-console.ts";
import { runHub } from "../run-hub.ts";
import { runIngest } from "../run-ingest.ts";
import { refuseWorkers, workerArguments } from "../worker-arguments.ts";

export const hubCommand = defineCommand({
  command: "hub <config>",
  describe: "Run the hub: broker, ingest, store, alerts",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("ingest-only", {
        type: "boolean",
        default: false,
        describe: "Only store, as a client of `broker.outside`; any number of processes may.",
      })
      .option("part", {
        type: "string",
        describe: "Which part of the devices this process stores: 2/3; any broker will do.",
      })
      .option("group", {
        type: "string",
        describe: "Let the broker divide: shared subscriptions of a group with this name.",
      })
      .option("worker", {
        type: "string",
        describe: "Name of this process among those that store; made of --part when left out.",
      })
      .option("for", forOption)
      .option("json", { ...jsonOption, describe: "End with one line of JSON: the counts." })
      .example("$0 hub /etc/rackstreet/hub.yaml", "run until SIGTERM")
      .example("$0 hub hub.yaml --ingest-only --part 1/3", "one of three that share the storing")
      .example("$0 hub hub.yaml --ingest-only --group ingest --worker a", "as the broker divides"),
  handler: async ({ config, for: limit, json, ingestOnly, ...named }) => {
    using stop = new Stop(limit);
    const share = ingestOnly ? workerArguments(named) : undefined;
    if (share === undefined) refuseWorkers(named);
    const { loaded, platform } = await openPlatform(config);
    if (share !== undefined) {
      await using running = await runIngest(loaded, share, platform);
      await stop.asked;
      const { received, stored, queued, refused, overflow } = running.worker.counts;
      if (json) printJson({ received, stored, queued, refused, overflow });
      return;
    }
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

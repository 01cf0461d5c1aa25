/** `rackstreet agent`: the edge alone. */
import { configArgument, defineCommand, forOption, jsonOption, openPlatform } from "../command.ts";
import { printJson, Stop } from "../command.ts";
import { runAgent } from "../run-agent.ts";
import { runConsole } from "../run-console.ts";

/** How long the end may wait for what was read to be stored; the spool keeps the rest. @unit ms */
const drainTime = 2000;

export const agentCommand = defineCommand({
  command: "agent <config>",
  describe: "Run the agent: read devices, spool, publish",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("for", forOption)
      .option("json", { ...jsonOption, describe: "End with one line of JSON: the ledger." })
      .example("$0 agent /etc/rackstreet/site.yaml", "run until SIGTERM"),
  handler: async ({ config, for: limit, json }) => {
    using stop = new Stop(limit);
    const { loaded, platform } = await openPlatform(config);
    await using running = await runAgent(loaded, platform);
    const { agent } = running;
    await using _console = await runConsole(loaded, { agent }, platform);
    await stop.asked;
    await agent.drain(drainTime);
    if (!json) return;
    const { offered, stored, queued, shed } = agent.ledger;
    printJson({ offered, stored, queued, shed, devices: agent.devices.length });
  },
});

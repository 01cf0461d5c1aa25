/** `rackstreet up`: agent and hub in one process; the demo, or a small site. */
import type { Transition } from "../../alerts/index.ts";
import { Secret } from "../../config/index.ts";
import type { Entropy } from "../../telemetry/index.ts";
import { isBinary } from "../assets.ts";
import {
  configArgument,
  defineCommand,
  forOption,
  jsonOption,
  openPlatform,
  print,
} from "../command.ts";
import { printJson, Stop } from "../command.ts";
import type { LoadedConfig } from "../config.ts";
import { LiveView } from "../live-view.ts";
import { Reload } from "../reload.ts";
import { runAgent } from "../run-agent.ts";
import { runConsole } from "../run-console.ts";
import type { RunningHub } from "../run-hub.ts";
import { runHub } from "../run-hub.ts";
import { startSimulatedSite } from "../simulated-site.ts";

/** How long the end may wait for what was read to be stored. @unit ms */
const drainTime = 5000;

export const upCommand = defineCommand({
  command: "up <config>",
  describe: "Run agent and hub in one process",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("for", forOption)
      .option("json", { ...jsonOption, describe: "No table; end with one line of JSON." })
      .example("$0 up config/examples/demo.yaml", "a simulated site and this machine")
      .example("$0 up site.yaml --for 15s --json", "run for 15 s, end with the ledger"),
  handler: async ({ config, for: limit, json }) => {
    using stop = new Stop(limit);
    const { loaded: given, platform } = await openPlatform(config);
    await using site = await startSimulatedSite(given, platform);
    const loaded = withOwnUser(site.loaded, platform.entropy);
    for (const line of site.missing) platform.log.warn("not simulated", { why: line });
    let view: LiveView | undefined;
    const notify = (transition: Transition): void => view?.tell(transition);
    await using hub = await runHub(loaded, platform, notify);
    await using running = await runAgent(loaded, platform, hub.address);
    const { agent } = running;
    await using _console = await runConsole(loaded, { agent, hub }, platform);
    using _reload = new Reload(loaded, platform, hub.taken);
    if (!json) {
      view = new LiveView({ agent, hub, hints: hintsOf(given, loaded, hub) });
      view.draw();
    }
    await stop.asked;
    view?.[Symbol.dispose]();
    await agent.drain(drainTime);
    const { offered, stored, queued, shed } = agent.ledger;
    const devices = agent.devices.length;
    const { firing } = hub.alerts.firing();
    if (json) printJson({ offered, stored, queued, shed, devices, firing });
    else {
      const lost = Object.values(shed).reduce((sum, count) => sum + count, 0);
      print(`stopped: offered ${offered} = stored ${stored} + queued ${queued} + shed ${lost}`);
    }
  },
});

/** Where the broker asks for users, the agent in this process gets one that lives as long as it. */
function withOwnUser(loaded: LoadedConfig, entropy: Entropy): LoadedConfig {
  const { agent, broker } = loaded.config;
  const { url, username: given } = agent.uplink;
  const open = Object.keys(broker.users).length === 0;
  if (open || given !== undefined || url !== undefined) return loaded;
  const username = `up-${entropy.id()}`;
  const password = new Secret(entropy.id() + entropy.id());
  const user = { password, role: "agent", agent: agent.id, read: [], set: [] } as const;
  const config = {
    ...loaded.config,
    agent: { ...agent, uplink: { ...agent.uplink, username, password } },
    broker: { ...broker, users: { ...broker.users, [username]: user } },
  };
  return { ...loaded, config };
}

function hintsOf(given: LoadedConfig, loaded: LoadedConfig, hub: RunningHub): readonly string[] {
  const { address } = hub;
  const first = loaded.devices.find(({ profile }) => profile !== undefined);
  const known = first?.profile?.points[0]?.measurement;
  const measurement = known === undefined ? "" : `${known} `;
  const program = isBinary() ? "rackstreet" : "npm run -s rackstreet --";
  const topics = "rackstreet/v1/+/+/+/+/+/telemetry";
  const subscribe =
    address === undefined
      ? []
      : [`listen  mosquitto_sub -h ${address.host} -p ${address.port} -v -t '${topics}'`];
  return [
    `MQTT    ${hub.service.addresses.join("  ")}`,
    ...subscribe,
    `query   ${program} query ${measurement}-c ${given.file} --since 5m`,
    "stop    Ctrl-C",
  ];
}

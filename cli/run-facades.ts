/** Opens what shows an agent's devices to others: the facades its configuration names. */
import type { Facade, SparkplugOptions } from "../agent/index.ts";
import { BirthCount, EdgeNode, openUplink } from "../agent/index.ts";
import type { Platform } from "../telemetry/index.ts";
import type { LoadedConfig } from "./config.ts";
import { openFolder } from "./folder.ts";

export async function openFacades(loaded: LoadedConfig, platform: Platform): Promise<Facade[]> {
  const { sparkplug } = loaded.config.agent;
  const facades: Facade[] = [];
  if (sparkplug !== undefined) facades.push(await openEdgeNode(loaded, sparkplug, platform));
  return facades;
}

async function openEdgeNode(
  { config }: LoadedConfig,
  options: SparkplugOptions,
  platform: Platform,
): Promise<EdgeNode> {
  // Asked for once at the start, as for the uplink.
  options.password?.reveal();
  const { agent, site } = config;
  const { group = site.name, edge = agent.id, host, url } = options;
  const clientId = `rackstreet-sparkplug-${group}-${edge}`;
  const births = await BirthCount.open(await openFolder(agent.data), platform.log);
  return new EdgeNode(
    {
      group,
      edge,
      host,
      agent: agent.id,
      births,
      connect: ({ events, ...link }) =>
        openUplink({ url, clientId, orderly: true, ...link }, options, { events, platform }),
    },
    platform,
  );
}

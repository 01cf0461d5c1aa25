/** Opens what shows an agent's devices to others: the facades its configuration names. */
import type { Described, Facade, HomeAssistantOptions, SparkplugOptions } from "../agent/index.ts";
import { BirthCount, EdgeNode, HomeAssistant, openUplink } from "../agent/index.ts";
import type { Platform } from "../telemetry/index.ts";
import type { LoadedConfig } from "./config.ts";
import { openFolder } from "./folder.ts";

/** Each goes on by itself from here on: a broker that is away keeps nothing from starting. */
export async function openFacades(
  loaded: LoadedConfig,
  devices: readonly Described[],
  platform: Platform,
): Promise<Facade[]> {
  const { sparkplug, homeAssistant } = loaded.config.agent;
  const facades: Facade[] = [];
  if (sparkplug !== undefined) facades.push(await openEdgeNode(loaded, sparkplug, platform));
  if (homeAssistant !== undefined) {
    facades.push(openHomeAssistant(loaded, devices, { options: homeAssistant, platform }));
  }
  return facades;
}

function openHomeAssistant(
  { config }: LoadedConfig,
  devices: readonly Described[],
  parts: { readonly options: HomeAssistantOptions; readonly platform: Platform },
): HomeAssistant {
  const { options, platform } = parts;
  options.password?.reveal();
  const { region, org, name: site } = config.site;
  const { id } = config.agent;
  const { prefix, telemetry, url } = options;
  const clientId = `rackstreet-home-assistant-${region}-${org}-${site}-${id}`;
  return new HomeAssistant(
    {
      prefix,
      telemetry,
      agent: { region, org, site, class: "agent", device: id },
      devices,
      connect: ({ events, ...link }) =>
        openUplink({ url, clientId, orderly: true, ...link }, options, { events, platform }),
    },
    platform,
  );
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

/** Opens what shows an agent's devices to others: the facades its configuration names. */
import type { Described, Facade, HomeAssistantOptions } from "../agent/index.ts";
import type { NgsiLdOptions, SparkplugOptions } from "../agent/index.ts";
import { BirthCount, EdgeNode, HomeAssistant, NgsiLd, openUplink } from "../agent/index.ts";
import { HttpClient } from "../drivers/index.ts";
import type { Platform } from "../telemetry/index.ts";
import type { LoadedConfig } from "./config.ts";
import { openFolder } from "./folder.ts";

/** Each goes on by itself from here on: a broker that is away keeps nothing from starting. */
export async function openFacades(
  loaded: LoadedConfig,
  devices: readonly Described[],
  platform: Platform,
): Promise<Facade[]> {
  const { sparkplug, homeAssistant, ngsiLd } = loaded.config.agent;
  const facades: Facade[] = [];
  if (sparkplug !== undefined) facades.push(await openEdgeNode(loaded, sparkplug, platform));
  if (homeAssistant !== undefined) {
    facades.push(openHomeAssistant(loaded, devices, { options: homeAssistant, platform }));
  }
  if (ngsiLd !== undefined) facades.push(openNgsiLd(ngsiLd, devices, platform));
  return facades;
}

function openNgsiLd(
  options: NgsiLdOptions,
  devices: readonly Described[],
  platform: Platform,
): NgsiLd {
  // Asked for once at the start, as for the uplink.
  options.token?.reveal();
  for (const secret of Object.values(options.headers)) secret.reveal();
  const located = devices.filter((device) => device.location !== undefined).length;
  platform.log.info("context broker named", { url: options.url, devices: devices.length, located });
  const client = new HttpClient(options, platform.clock);
  return new NgsiLd({ options, devices, client }, platform);
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

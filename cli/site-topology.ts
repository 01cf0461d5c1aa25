/** The topology of a configuration, with what its devices and their profiles add to it. */
import type { Complaint, SiteFacts, Topology, YamlFile } from "../config/index.ts";
import { deviceProblems, offersOf, topologyOf, topologyProblems } from "../config/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import type { ConfiguredDevice, LoadedConfig } from "./config.ts";
import type { Config } from "./schema.ts";

function siteFacts(config: Config, devices: readonly ConfiguredDevice[]): SiteFacts {
  return {
    name: config.site.name,
    devices: devices.map(({ id, common: { rack, zone }, profile }) => {
      return { id, rack, zone, offers: profile === undefined ? undefined : offersOf(profile) };
    }),
  };
}

/** What is wrong with it, or with what devices say of their place in it. */
export function topologyComplaints(
  file: YamlFile,
  config: Config,
  devices: readonly ConfiguredDevice[],
): readonly Complaint[] {
  const { topology } = config;
  if (topology === undefined) return [];
  const site = siteFacts(config, devices);
  return [
    ...topologyProblems(topology, site).map(({ at, message }) =>
      file.complain(["topology", ...at], message),
    ),
    ...deviceProblems(topology, site.devices).map(({ device, key, message }) =>
      file.complain(["devices", device, key], message),
    ),
  ];
}

/** The topology of a configuration that has one. */
export function siteTopology({ config, devices }: LoadedConfig): Topology | undefined {
  const { topology } = config;
  return topology === undefined ? undefined : topologyOf(topology, siteFacts(config, devices));
}

/** The same, for commands that are about it. @param path of the configuration @throws E_USAGE */
export function neededTopology(loaded: LoadedConfig, path: string): Topology {
  const topology = siteTopology(loaded);
  if (topology !== undefined) return topology;
  throw new GatewayError("E_USAGE", `${path} has no topology; docs/topology.md begins one`);
}

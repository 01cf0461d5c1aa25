/** Opens the bridges to hubs of other regions: a queue on disk and a link for each. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ForwardLink, openUplink } from "../agent/index.ts";
import type { PeerLink, PeerLinkSetup } from "../broker/index.ts";
import { Federation } from "../broker/index.ts";
import { readYaml } from "../config/index.ts";
import type { Disk, Platform } from "../telemetry/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import type { LoadedConfig } from "./config.ts";
import { openFolder } from "./folder.ts";

/**
 * Undefined where the configuration names no peer.
 * @throws E_CONFIG, E_CONFIG_UNREADABLE, E_SECRET_MISSING, E_SPOOL_WRITE
 */
export async function openFederation(
  { config }: LoadedConfig,
  platform: Platform,
): Promise<Federation | undefined> {
  const { peers, grants: file } = config.federation;
  const names = Object.keys(peers);
  if (names.length === 0 || file === undefined) return undefined;
  // Asked for once at the start: a link itself would try again for as long as it is missing.
  for (const { password } of Object.values(peers)) password?.reveal();
  // A file that cannot be read is told in the same words as any other.
  await readYaml(file);
  return Federation.open(
    {
      region: config.site.region,
      peers: names,
      file,
      read: () => readFile(file, "utf8"),
      disk: (peer) => openFolder(join(config.hub.data, "peers", peer)),
      connect: (setup, disk) =>
        connect(config.federation.peers[setup.peer], setup, { disk, platform }),
    },
    platform,
  );
}

type Options = LoadedConfig["config"]["federation"]["peers"][string];

function connect(
  options: Options | undefined,
  { clientId, subscribe, ...setup }: PeerLinkSetup,
  { disk, platform }: { readonly disk: Disk; readonly platform: Platform },
): Promise<PeerLink> {
  if (options === undefined) throw new GatewayError("E_BUG", `unknown peer ${setup.peer}`);
  const { url, window, resend, spool } = options;
  return ForwardLink.open(
    {
      ...setup,
      spool,
      publisher: { window, resend },
      disk,
      connect: (events) =>
        openUplink({ url, clientId, subscribe, orderly: true }, options, { events, platform }),
    },
    platform,
  );
}

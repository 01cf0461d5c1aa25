/** Who stored devices are: the configuration first, then what agents have published. */
import type { Platform } from "../telemetry/index.ts";
import { GatewayError, messageOf } from "../telemetry/index.ts";
import type { Tags } from "../telemetry/index.ts";
import type { BrokerArguments } from "./ask-broker.ts";
import type { LoadedConfig } from "./config.ts";
import type { Provenance, Provenances } from "./provenance.ts";
import { configuredProvenances, deviceKey, publishedProvenances } from "./provenance.ts";

/** How long a broker may take to answer when nothing hangs on it. @unit ms */
const shortPatience = 1000;

export interface Knowing {
  readonly loaded: LoadedConfig;
  readonly platform: Platform;
  readonly broker: BrokerArguments;
}

/**
 * Looks devices up. Agents are asked for those that the configuration does not know; a broker
 * that does not answer is no reason to fail, only one to know less. `needed` waits longer for it,
 * also asks where the configuration has no sources, and says what came in between.
 */
export async function knownDevices(
  devices: readonly Tags[],
  { loaded, platform, broker }: Knowing,
  needed: ((why: string) => void) | undefined,
): Promise<Provenances> {
  const keys = new Set(devices.map(deviceKey));
  const known = new Map(await configuredProvenances(loaded, keys, platform));
  const missing = [...keys].filter((key) => isLacking(known.get(key), needed !== undefined));
  if (missing.length === 0) return known;
  const patience = needed === undefined ? { connect: shortPatience } : {};
  const given = { ...broker, ...patience };
  try {
    const published = await publishedProvenances(new Set(missing), given, { loaded, platform });
    for (const [key, provenance] of published) known.set(key, provenance);
  } catch (error) {
    if (!isNoAnswer(error, broker)) throw error;
    needed?.(`agents could not be asked: ${messageOf(error)}`);
  }
  return known;
}

/** Nobody listens, or nobody was named: any other mistake is the user's to know. */
function isNoAnswer(error: unknown, { url }: BrokerArguments): boolean {
  if (!(error instanceof GatewayError)) return false;
  return error.code === "E_UPLINK" || (error.code === "E_USAGE" && url === undefined);
}

function isLacking(known: Provenance | undefined, sources: boolean): boolean {
  return known === undefined || (sources && known.sources.length === 0);
}

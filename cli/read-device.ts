/** Reads one device once, now, with the raw side of every value. */
import type { DriverKind, Heard, Session, Trace } from "../drivers/index.ts";
import { drivers } from "../drivers/index.ts";
import type { Platform, Reading } from "../telemetry/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import type { LoadedConfig } from "./config.ts";
import { startSimulatedSite } from "./simulated-site.ts";

/** A device that takes longer is given up. @unit ms */
const patience = 60_000;

export interface ReadTarget {
  readonly id: string;
  readonly driver: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly profile: unknown;
  readonly buses: Readonly<Record<string, unknown>>;
}

export interface ReadOnce {
  readonly reading: Reading;
  readonly traces: readonly Trace[];
  /** When the device had answered. @unit ms since 1970-01-01 UTC */
  readonly time: number;
}

export function kindOf({ driver }: ReadTarget): DriverKind {
  const kind = drivers[driver];
  if (kind === undefined) throw new GatewayError("E_BUG", `no driver ${driver}`);
  return kind;
}

/**
 * A device of a configuration; one that is simulated is started first, and lives in `parts`.
 * @throws E_TOOL_MISSING
 */
export async function configuredTarget(
  given: LoadedConfig,
  device: string,
  { parts, platform }: { readonly parts: AsyncDisposableStack; readonly platform: Platform },
): Promise<ReadTarget> {
  const only = { ...given, devices: given.devices.filter(({ id }) => id === device) };
  const site = parts.use(await startSimulatedSite(only, platform));
  const [found] = site.loaded.devices;
  if (found === undefined) throw new GatewayError("E_TOOL_MISSING", site.missing.join("; "));
  return {
    id: found.id,
    driver: found.kind.name,
    options: found.options,
    profile: found.profileData,
    buses: site.loaded.config.buses,
  };
}

/**
 * One reading: what a device answers, or the first that one tells which speaks by itself.
 * @throws what the driver throws when nothing can be read
 */
export async function readOnce(target: ReadTarget, platform: Platform): Promise<ReadOnce> {
  await using driver = kindOf(target).create({ ...platform, buses: target.buses });
  await using session = await driver.open(target);
  const signal = AbortSignal.timeout(patience);
  if (session.groups.length === 0) {
    const { reading, traces = [], time = platform.clock.now() } = await hearOnce(session, signal);
    return { reading, traces, time };
  }
  const traces: Trace[] = [];
  const groups = session.groups.map(({ name }) => name);
  const reading = await session.read(groups, signal, (trace) => void traces.push(trace));
  return { reading, traces, time: platform.clock.now() };
}

async function hearOnce(session: Session, signal: AbortSignal): Promise<Heard> {
  const enough = new AbortController();
  const heard: Heard[] = [];
  await session.listen?.(
    (one) => {
      heard.push(one);
      enough.abort();
    },
    AbortSignal.any([signal, enough.signal]),
  );
  const [first] = heard;
  if (first !== undefined) return first;
  throw new GatewayError("E_SILENT", `nothing was heard within ${patience / 1000} s`);
}

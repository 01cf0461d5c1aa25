/**
 * Looks at every device of a configuration for a commissioning report: first each Modbus device on
 * its wire (what it is, how it answers), then all devices through their drivers (what they read).
 */
import type { Inspection, Session, Wire } from "../drivers/index.ts";
import { inspectUnit, modbusProfiles, openNetworkWire, openSerialWire } from "../drivers/index.ts";
import { address, duration, v } from "../config/index.ts";
import type { Code, Platform, Point, Reading } from "../telemetry/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import type { ConfiguredDevice, Library, LoadedConfig } from "./config.ts";
import { remarksOn } from "./plausibility.ts";

export interface ReportDevice {
  readonly id: string;
  readonly driver: string;
  readonly profile: string | undefined;
  readonly zone: string | undefined;
  readonly rack: string | undefined;
  /** `rs485, unit 7`, `tcp://10.0.0.5:502, unit 1`. */
  readonly where: string;
  /** Undefined for devices of other drivers, and for a wire that did not open. */
  readonly inspection: Inspection | undefined;
  /** Readings that gave something, of those tried. */
  readonly read: number;
  readonly tried: number;
  /** Mean time of one whole reading. @unit ms */
  readonly readingMs: number | undefined;
  /** How often which code came. */
  readonly faults: Readonly<Record<string, number>>;
  /** The newest values. */
  readonly points: readonly Point[];
  readonly remarks: readonly string[];
}

export interface ReportParts {
  readonly platform: Platform;
  readonly library: Library;
  readonly times: number;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

/** A device that takes longer for one reading is given up. @unit ms */
const patience = 60_000;

const optionsForm = v.object({
  address: v.optional(address({ tcp: 502, "rtu+tcp": 502 })),
  bus: v.optional(v.string()),
  unit: v.optional(v.number(), 1),
  timeout: v.optional(duration, "1s"),
});
type ModbusPlace = v.InferOutput<typeof optionsForm>;

/**
 * Every device, in the order of the configuration.
 * @throws E_SERIAL_BUSY when something else reads a bus
 */
export async function inspectSite(
  loaded: LoadedConfig,
  parts: ReportParts,
): Promise<ReportDevice[]> {
  const inspections = await inspectWires(loaded, parts);
  const { platform, progress } = parts;
  await using drivers = new AsyncDisposableStack();
  const context = { ...platform, buses: loaded.config.buses };
  const kinds = new Map(loaded.devices.map(({ kind }) => [kind.name, kind]));
  const running = new Map(
    [...kinds].map(([name, kind]) => [name, drivers.use(kind.create(context))] as const),
  );
  const devices: ReportDevice[] = [];
  for (const device of loaded.devices) {
    progress(`reading ${device.id}: ${devices.length} of ${loaded.devices.length} done`);
    const driver = running.get(device.kind.name);
    if (driver === undefined) continue;
    const { id, options, profileData: profile } = device;
    await using session = await driver.open({ id, options, profile });
    const seen = await readings(session, parts);
    devices.push(reported(device, inspections.get(id), seen));
  }
  return devices;
}

interface Readings {
  readonly good: readonly Reading[];
  readonly tried: number;
  readonly took: readonly number[];
  readonly codes: readonly (Code | "E_BUG")[];
  readonly why: string | undefined;
}

/** Failed readings in a row after which a device is left alone. */
const strikeLimit = 2;

async function readings(session: Session, parts: ReportParts): Promise<Readings> {
  const { clock } = parts.platform;
  const groups = session.groups.map(({ name }) => name);
  const good: Reading[] = [];
  const took: number[] = [];
  const codes: Code[] = [];
  let tried = 0;
  let strikes = 0;
  let why: string | undefined;
  while (tried < parts.times && strikes < strikeLimit) {
    tried += 1;
    const begun = clock.monotonic();
    const limit = new AbortController();
    const timer = clock.after(patience, () => limit.abort());
    try {
      const reading = await session.read(groups, AbortSignal.any([limit.signal, parts.signal]));
      took.push(clock.monotonic() - begun);
      good.push(reading);
      codes.push(...reading.faults.map(({ code }) => code));
      strikes = 0;
    } catch (error) {
      if (!(error instanceof GatewayError) || parts.signal.aborted) throw error;
      if (error.code === "E_SERIAL_BUSY") throw busy(error);
      codes.push(error.code);
      why = error.message;
      strikes += 1;
    } finally {
      timer.cancel();
    }
  }
  return { good, tried, took, codes, why };
}

function busy(error: GatewayError): GatewayError {
  const hint = "a report needs the ports for itself: stop the agent first (or what else reads)";
  return new GatewayError("E_SERIAL_BUSY", `${error.message}; ${hint}`, { cause: error });
}

function reported(
  { id, kind, common, options }: ConfiguredDevice,
  inspection: Inspection | undefined,
  { good, tried, took, codes, why }: Readings,
): ReportDevice {
  const faults: Record<string, number> = {};
  for (const code of codes) faults[code] = (faults[code] ?? 0) + 1;
  const { profile, zone, rack } = common;
  const unit = options["unit"];
  const where = [
    options["bus"] ?? options["address"],
    typeof unit === "number" ? `unit ${unit}` : unit,
  ];
  return {
    id,
    driver: kind.name,
    profile,
    zone,
    rack,
    where: where.filter((part) => typeof part === "string").join(", "),
    inspection,
    read: good.length,
    tried,
    readingMs: took.length === 0 ? undefined : took.reduce((a, b) => a + b, 0) / took.length,
    faults,
    points: good.at(-1)?.points ?? [],
    remarks: [
      ...(why === undefined ? [] : [why]),
      ...identityRemarks(profile, inspection),
      ...remarksOn(good),
    ],
  };
}

/** Whether a device says that it is another product. */
function identityRemarks(
  profile: string | undefined,
  inspection: Inspection | undefined,
): readonly string[] {
  const [best] = inspection?.identity.candidates ?? [];
  if (best === undefined || best.certainty === "possible" || profile === undefined) return [];
  if (inspection?.identity.candidates.some((one) => one.profile === profile)) return [];
  const evidence = best.evidence.join("; ");
  return [`configured as ${profile}, but it looks like ${best.profile} (${evidence})`];
}

/** Each Modbus device on its own wire, by id. */
async function inspectWires(
  loaded: LoadedConfig,
  parts: ReportParts,
): Promise<ReadonlyMap<string, Inspection>> {
  const found = new Map<string, Inspection>();
  for (const devices of byWire(loaded).values()) {
    const [first] = devices;
    const opened = first && (await openWire(first.place, loaded, parts));
    if (opened === undefined) continue;
    await using wire = opened;
    try {
      for (const one of devices) await inspect(one, { wire, found, parts });
    } catch (error) {
      // The connection is gone; the readings will say so.
      if (!(error instanceof GatewayError) || parts.signal.aborted) throw error;
    }
  }
  return found;
}

interface Inspecting {
  readonly wire: Wire;
  readonly found: Map<string, Inspection>;
  readonly parts: ReportParts;
}

async function inspect(
  { device, place }: OnWire,
  { wire, found, parts }: Inspecting,
): Promise<void> {
  const { progress, library, times, signal } = parts;
  progress(`asking ${device.id} what it is`);
  const [profile] = modbusProfiles(new Map([["", device.profileData]]));
  if (profile === undefined) return;
  const { unit, timeout } = place;
  const profiles = modbusProfiles(library);
  const texts = place.address?.scheme === "tcp" ? "first" : "last";
  const asking = { wire, unit, timeout, profiles, profile, times, signal, texts } as const;
  found.set(device.id, await inspectUnit(asking));
}

interface OnWire {
  readonly device: ConfiguredDevice;
  readonly place: ModbusPlace;
}

function byWire({ devices }: LoadedConfig): ReadonlyMap<string, OnWire[]> {
  const wires = new Map<string, OnWire[]>();
  for (const device of devices) {
    if (device.kind.name !== "modbus") continue;
    const parsed = v.safeParse(optionsForm, device.options);
    if (!parsed.success) continue;
    const { bus, address } = parsed.output;
    const key = bus ?? `${address?.host}:${address?.port}`;
    wires.set(key, [...(wires.get(key) ?? []), { device, place: parsed.output }]);
  }
  return wires;
}

/** Undefined when it does not open: the readings tell why. @throws E_SERIAL_BUSY */
async function openWire(
  { address, bus }: ModbusPlace,
  { config }: LoadedConfig,
  { platform, signal }: ReportParts,
): Promise<Wire | undefined> {
  const { clock } = platform;
  try {
    if (address !== undefined) return await openNetworkWire(address, clock, signal);
    const line = config.buses[bus ?? ""];
    return line && (await openSerialWire(line.port, line, clock));
  } catch (error) {
    if (!(error instanceof GatewayError) || signal.aborted) throw error;
    if (error.code === "E_SERIAL_BUSY") throw busy(error);
    return undefined;
  }
}

/**
 * The devices of a configuration, opened for planning alone: opening reaches nobody, and nothing
 * is read. A simulated device stands at an address of its own that nobody uses.
 */
import type { Driver, Session } from "../drivers/index.ts";
import type { Platform } from "../telemetry/index.ts";
import type { BusLoad, LoadedDevice } from "./bus-load.ts";
import type { ConfiguredDevice, LoadedConfig } from "./config.ts";
import { intervalOf } from "./run-agent.ts";

export interface PlannedDevice extends LoadedDevice {
  /** The serial bus of the configuration that it hangs on. */
  readonly bus: string | undefined;
  /** Where its wire is, for people. */
  readonly where: string;
}

export interface PlannedSite extends AsyncDisposable {
  readonly devices: readonly PlannedDevice[];
}

/** @throws E_CONFIG, E_PROFILE: what the agent would throw at its start */
export async function openPlannedSite(
  loaded: LoadedConfig,
  platform: Platform,
): Promise<PlannedSite> {
  await using parts = new AsyncDisposableStack();
  const drivers = new Map<string, Driver>();
  const devices: PlannedDevice[] = [];
  const { agent, buses } = loaded.config;
  for (const [index, device] of loaded.devices.entries()) {
    const { id, kind } = device;
    const driver = drivers.get(kind.name) ?? kind.create({ ...platform, buses });
    if (!drivers.has(kind.name)) drivers.set(kind.name, parts.use(driver));
    const bus = busOf(device);
    const simulated = device.common.simulate && bus === undefined;
    const options = simulated ? { ...device.options, address: nobody(index) } : device.options;
    const target = { id, options, profile: device.profileData };
    const session = parts.use(await driver.open(target));
    const where = simulated ? "simulated" : whereOf(session);
    const interval = intervalOf(device, agent);
    devices.push({ id, busKey: driver.busKey(target), session, interval, bus, where });
  }
  const kept = parts.move();
  return { devices, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function busOf({ options }: ConfiguredDevice): string | undefined {
  const { bus } = options;
  return typeof bus === "string" ? bus : undefined;
}

/** An address for each simulated device: they share no wire. */
function nobody(index: number): string {
  return `tcp://127.0.0.1:${1 + (index % 65_535)}`;
}

/** `/dev/ttyUSB0, 9600 8N1` or an address, as the session says where its device is. */
function whereOf(session: Session): string {
  const { address, port, line } = session.origin?.().endpoint ?? {};
  return address === undefined ? `${port ?? ""}, ${line ?? ""}` : String(address);
}

/** `rs485-a (/dev/ttyUSB0, 9600 8N1)`, or where the devices of a bus listen. */
export function busName({ key, devices }: BusLoad, all: readonly PlannedDevice[]): string {
  const first = all.find(({ busKey }) => busKey === key);
  if (first === undefined) return key;
  if (first.bus !== undefined) return `${first.bus} (${first.where})`;
  return first.where === "simulated" ? `${devices[0]?.id} (simulated)` : first.where;
}

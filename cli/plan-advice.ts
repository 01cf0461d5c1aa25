/**
 * What would make a crowded bus fit: a longer interval, a faster line, fewer devices. Each is
 * worked out by planning again, one change at a time.
 */
import type { Platform } from "../telemetry/index.ts";
import type { BusLoad, LoadedDevice } from "./bus-load.ts";
import { busLoads, comfortable, mostUnitLoads, percent } from "./bus-load.ts";
import type { LoadedConfig } from "./config.ts";
import type { PlannedDevice } from "./planned-site.ts";
import { openPlannedSite } from "./planned-site.ts";
import { shownDuration } from "./values.ts";

/** Intervals that people write. @unit s */
const usualIntervals = [1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** Speeds that serial devices have. */
const usualBauds = [9600, 19_200, 38_400, 57_600, 115_200];

/** One sentence a remedy; none for a bus that has room. */
export async function adviceFor(
  bus: BusLoad,
  devices: readonly PlannedDevice[],
  given: { readonly loaded: LoadedConfig; readonly platform: Platform },
): Promise<string[]> {
  const members = devices.filter(({ busKey }) => busKey === bus.key);
  const advice: string[] = [];
  if (bus.verdict !== "ok") {
    const ways = [longerInterval(bus, members), await fasterLine(bus, members, given)];
    advice.push(...[...ways, fewerDevices(bus)].filter((way) => way !== undefined));
    if (advice.length === 0) advice.push("no single change would do: use more than one wire");
  }
  if ((bus.unitLoads ?? 0) > mostUnitLoads) {
    const many = `more than ${mostUnitLoads} unit loads need a repeater or a second segment`;
    advice.push(`${many}; a profile's header.serial.unitLoad says what its device counts`);
  }
  return advice;
}

function fits(bus: BusLoad | undefined): bus is BusLoad {
  return bus?.verdict === "ok";
}

/** The shortest usual interval at which the bus has room. */
function longerInterval(bus: BusLoad, members: readonly LoadedDevice[]): string | undefined {
  const asked = bus.rates[0]?.every ?? 0;
  for (const seconds of usualIntervals) {
    const least = seconds * 1000;
    if (least <= asked) continue;
    const slower = members.map((device) => ({
      ...device,
      interval: Math.max(device.interval, least),
    }));
    const [then] = busLoads(slower);
    if (!fits(then)) continue;
    return `an interval of ${shownDuration(least)} would fit: ${percent(then.load)}`;
  }
  return undefined;
}

/** The slowest usual speed at which the bus has room. */
async function fasterLine(
  bus: BusLoad,
  [first]: readonly PlannedDevice[],
  { loaded, platform }: { readonly loaded: LoadedConfig; readonly platform: Platform },
): Promise<string | undefined> {
  const name = first?.bus;
  const settings = name === undefined ? undefined : loaded.config.buses[name];
  if (name === undefined || settings === undefined) return undefined;
  for (const baud of usualBauds) {
    if (baud <= settings.baud) continue;
    const buses = { ...loaded.config.buses, [name]: { ...settings, baud } };
    const faster = { ...loaded, config: { ...loaded.config, buses } };
    await using site = await openPlannedSite(faster, platform);
    const then = busLoads(site.devices).find(({ key }) => key === bus.key);
    if (fits(then)) {
      return `${baud} baud would fit, if every device on it can: ${percent(then.load)}`;
    }
  }
  return undefined;
}

/** The fewest devices without which the bus has room. */
function fewerDevices({ devices, load }: BusLoad): string | undefined {
  const moved: string[] = [];
  let left = load;
  for (const { id, share } of devices.toSorted((a, b) => b.share - a.share)) {
    if (left <= comfortable || moved.length === devices.length - 1) break;
    moved.push(id);
    left -= share;
  }
  if (moved.length === 0 || left > comfortable) return undefined;
  return `moved to a wire of their own, ${moved.join(", ")} would leave it ${percent(left)}`;
}

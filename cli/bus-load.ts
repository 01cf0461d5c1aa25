/**
 * How busy buses will be: the requests of all devices on a wire, each as long as its plan says, at
 * the rates that the poller reads them (agent/poller.ts). Pure apart from asking sessions for
 * their plans, which costs no request. Devices whose driver has no plan are left out.
 */
import type { PlannedRequest, Session } from "../drivers/index.ts";

/** A device as the load is worked out from it. */
export interface LoadedDevice {
  readonly id: string;
  readonly busKey: string;
  readonly session: Session;
  /** @unit ms */
  readonly interval: number;
}

/** What is read of a device at one rate, together with all that is due at the same moment. */
export interface Beat {
  /** @unit ms */
  readonly every: number;
  readonly requests: readonly PlannedRequest[];
  /** How long all of it takes. @unit ms */
  readonly ms: number;
  /** How much longer than without what this rate asks for. @unit ms */
  readonly adds: number;
}

export interface DeviceLoad {
  readonly id: string;
  readonly beats: readonly Beat[];
  /** Of the bus's time, 1 is all. */
  readonly share: number;
}

/** What one rate takes of a bus. */
export interface Rate {
  /** @unit ms */
  readonly every: number;
  readonly devices: number;
  /** Requests of one cycle through these devices. */
  readonly requests: number;
  /** How long that cycle takes, with all that is due at the same moment. @unit ms */
  readonly cycle: number;
  /** Of the bus's time, 1 is all; what faster rates take by themselves left out. */
  readonly share: number;
}

export type BusVerdict = "ok" | "tight" | "overbooked";

export interface BusLoad {
  readonly key: string;
  readonly devices: readonly DeviceLoad[];
  readonly rates: readonly Rate[];
  /** Of the bus's time, 1 is all. */
  readonly load: number;
  /**
   * Whether the slow groups of one device make the fastest cycle outlast its interval. Those of
   * several are not due in the same cycle.
   */
  readonly late: boolean;
  /** On a wire that drives only so many receivers: how many there are. [TIA-485-A] */
  readonly unitLoads: number | undefined;
  readonly verdict: BusVerdict;
}

/** What a wire drives. [TIA-485-A] */
export const mostUnitLoads = 32;

/** Above it there is little room for what comes late or must be asked again. */
export const comfortable = 0.8;

/** The buses on which there is something to plan, in order of their first device. */
export function busLoads(devices: readonly LoadedDevice[]): BusLoad[] {
  const planned = devices.filter(({ session }) => session.plan !== undefined);
  return [...Map.groupBy(planned, ({ busKey }) => busKey)].map(([key, members]) =>
    busLoad(key, members),
  );
}

function busLoad(key: string, members: readonly LoadedDevice[]): BusLoad {
  const devices = members.map(deviceLoad);
  const load = devices.reduce((sum, { share }) => sum + share, 0);
  const rates = ratesOf(devices);
  const [fastest] = rates;
  const late = fastest !== undefined && longestCycle(devices, fastest) > fastest.every;
  return {
    key,
    devices,
    rates,
    load,
    late,
    unitLoads: unitLoadsOf(members),
    verdict: load > 1 ? "overbooked" : load > comfortable || late ? "tight" : "ok",
  };
}

/** What is read with several profiles is one receiver still. */
function unitLoadsOf(members: readonly LoadedDevice[]): number | undefined {
  const loads = new Map<string | number, number>();
  for (const { id, session } of members) {
    const load = session.plan?.([]).unitLoad;
    if (load !== undefined) loads.set(session.origin?.().endpoint["unit"] ?? id, load);
  }
  return loads.size === 0 ? undefined : [...loads.values()].reduce((sum, load) => sum + load, 0);
}

/** The fastest cycle, and in it what one device is asked for at the most. @unit ms */
function longestCycle(devices: readonly DeviceLoad[], { every, cycle }: Rate): number {
  const more = devices.map(({ beats }) => {
    const usual = beats.find((beat) => beat.every === every)?.ms ?? 0;
    return Math.max(0, ...beats.map(({ ms }) => ms)) - usual;
  });
  return cycle + Math.max(0, ...more);
}

function deviceLoad({ id, session, interval }: LoadedDevice): DeviceLoad {
  // A group's own pace slows it down; it never makes a device be read more often.
  const paces = session.groups.map(({ name, every }) => ({
    name,
    every: Math.max(1, interval, every ?? 0),
  }));
  const plan = (due: typeof paces): readonly PlannedRequest[] =>
    session.plan?.(due.map(({ name }) => name)).requests ?? [];
  const rates = [...new Set(paces.map(({ every }) => every))].toSorted((a, b) => a - b);
  const beats = rates.map((every): Beat => {
    // Beats begin together: what divides the rate is always due with it.
    const due = paces.filter((pace) => every % pace.every === 0);
    const requests = plan(due);
    const ms = timeOf(requests);
    const rest = due.filter((pace) => pace.every !== every);
    const adds = rest.length === 0 ? ms : Math.max(0, ms - timeOf(plan(rest)));
    return { every, requests, ms, adds };
  });
  return { id, beats, share: beats.reduce((sum, { adds, every }) => sum + adds / every, 0) };
}

function ratesOf(devices: readonly DeviceLoad[]): Rate[] {
  const beats = devices.flatMap(({ beats }) => beats);
  return [...Map.groupBy(beats, ({ every }) => every)]
    .toSorted(([a], [b]) => a - b)
    .map(([every, beats]) => ({
      every,
      devices: beats.length,
      requests: beats.reduce((sum, { requests }) => sum + requests.length, 0),
      cycle: beats.reduce((sum, { ms }) => sum + ms, 0),
      share: beats.reduce((sum, { adds }) => sum + adds / every, 0),
    }));
}

function timeOf(requests: readonly PlannedRequest[]): number {
  return requests.reduce((sum, { ms }) => sum + ms, 0);
}

/** What is wrong with a bus in a few words; undefined when it has room. */
export function trouble({ verdict, load, unitLoads, late }: BusLoad): string | undefined {
  const said: string[] = [];
  if (verdict === "overbooked") said.push(`is overbooked: ${percent(load)} of its time`);
  else if (load > comfortable) said.push(`is tight: ${percent(load)} of its time`);
  else if (late) said.push("falls behind when slow groups are due");
  if (unitLoads !== undefined && unitLoads > mostUnitLoads) {
    said.push(`has ${Number(unitLoads.toFixed(2))} unit loads of ${mostUnitLoads}`);
  }
  return said.length === 0 ? undefined : said.join(" and ");
}

/** `24.8 %` */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

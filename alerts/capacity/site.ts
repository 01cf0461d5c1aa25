/**
 * All that is told of a site's capacity, read and worked out: by the command at once, by the hub
 * with pauses. What is used is of `since`, whether it rises of the whole UTC days of `trend`.
 */
import type { Topology } from "../../config/index.ts";
import type { Tags } from "../../telemetry/index.ts";
import type { Accelerators } from "./accelerators.ts";
import { acceleratorSteps } from "./accelerators.ts";
import { readCards } from "./accelerators-read.ts";
import type { Capacity } from "./capacity.ts";
import { capacitySteps } from "./capacity.ts";
import type { Cooling } from "./cooling.ts";
import { coolingSteps } from "./cooling.ts";
import { readCooling } from "./cooling-read.ts";
import type { EnergyFigures } from "./pue.ts";
import { energyOf } from "./pue.ts";
import { measuredBy } from "./read.ts";
import type { Asked, Asking } from "./read-fields.ts";
import { openAsking, rolledEvery } from "./read-fields.ts";
import { day, frameOf } from "./samples.ts";
import type { Pace } from "./steps.ts";
import type { Point } from "./theil-sen.ts";
import type { Days, Measured } from "./usage.ts";
import { daySteps } from "./usage.ts";

export interface SiteAsk {
  /** Not included. @unit ms since 1970-01-01 UTC */
  readonly to: number;
  /** @unit ms */
  readonly since: number;
  /** @unit ms */
  readonly trend: number;
  /** Least share of windows with a row. */
  readonly least: number;
  /** Of the site: rows of others are not looked at. */
  readonly tags: Tags;
  readonly progress?: (done: number, all: number) => void;
  readonly pace: Pace;
  readonly signal: AbortSignal;
}

export interface PowerCapacity {
  readonly measured: Measured;
  readonly capacity: Capacity;
}

export interface SiteCapacity extends PowerCapacity {
  readonly energy: EnergyFigures;
  readonly cooling: Cooling;
  readonly accelerators: Accelerators;
}

/** Days of one answer, and of what is in memory at once. */
const daysAtOnce = 7;

/**
 * Power alone.
 * @throws E_STORE_DOWN, E_STORE_CONFIG, E_QUERY
 */
export async function readPower(
  topology: Topology,
  store: Asked,
  ask: SiteAsk & { readonly days: Days },
): Promise<PowerCapacity> {
  const asking = await askingFor(store, ask, { from: ask.to - ask.since, to: ask.to });
  const read = await measuredBy(topology, asking, { phases: true });
  const measured = { ...read, days: ask.days };
  return { measured, capacity: await ask.pace(capacitySteps(topology, measured)) };
}

/**
 * Power, cooling, accelerators and energy.
 * @throws E_STORE_DOWN, E_STORE_CONFIG, E_QUERY
 */
export async function readSite(
  topology: Topology,
  store: Asked,
  ask: SiteAsk & { readonly days: Days },
): Promise<SiteCapacity> {
  const { pace } = ask;
  const { measured, capacity } = await readPower(topology, store, ask);
  const asking = await askingFor(store, ask, { from: ask.to - ask.since, to: ask.to });
  const cooling = await pace(coolingSteps(topology, await readCooling(topology, asking)));
  const cards = await readCards(topology, asking);
  const accelerators = await pace(acceleratorSteps(topology, cards, asking.reading.frame));
  const energy = await energyOf(topology, store, { ...asking, pace });
  return { measured, capacity, energy, cooling, accelerators };
}

/**
 * The busy hour of each whole day, from which it is told when something is full.
 * @throws E_STORE_DOWN, E_STORE_CONFIG, E_QUERY
 */
export async function readDays(topology: Topology, store: Asked, ask: SiteAsk): Promise<Days> {
  const [from, to] = [Math.ceil((ask.to - ask.trend) / day), Math.floor(ask.to / day)];
  const found = new Map<string, readonly Point[]>();
  for (let at = from; at < to; at += daysAtOnce) {
    const span = { from: at * day, to: Math.min(to, at + daysAtOnce) * day };
    const asking = await askingFor(store, ask, span);
    const measured = await measuredBy(topology, asking, { phases: false });
    for (const [id, days] of await ask.pace(daySteps(topology, measured))) {
      found.set(id, [...(found.get(id) ?? []), ...days]);
    }
  }
  return found;
}

function askingFor(
  store: Asked,
  { since, least, tags, progress, signal }: SiteAsk,
  span: { readonly from: number; readonly to: number },
): Promise<Asking> {
  const frame = frameOf({ ...span, every: rolledEvery });
  const told = progress === undefined ? {} : { progress };
  return openAsking(store, { reading: { frame, since, least, tags, ...told }, signal });
}

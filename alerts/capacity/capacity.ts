/**
 * The capacity of a site on stored data: of each element what it is rated for, what it takes, what
 * is left now and in the worst failure, what stops a rack, and when it is full.
 */
import type { Element, Topology, Use } from "../../config/index.ts";
import { tightest } from "../../config/index.ts";
import type { Case, Failover } from "./cases.ts";
import { caseSteps, failoverOf, headroomOf } from "./cases.ts";
import type { Consumers } from "./consumers.ts";
import { consumerSteps } from "./consumers.ts";
import type { Room } from "./fit.ts";
import { roomSteps } from "./fit.ts";
import type { Forecast } from "./forecast.ts";
import { forecastOf } from "./forecast.ts";
import { dailyOf } from "./samples.ts";
import type { Steps } from "./steps.ts";
import { atOnce } from "./steps.ts";
import { strandedOf } from "./stranded.ts";
import type { Measured, Usage } from "./usage.ts";
import { usageSteps, usualFlow } from "./usage.ts";

export interface ElementCapacity {
  readonly element: Element;
  readonly usage: Usage;
  /** The limit that is nearest, at the 95th percentile; undefined: no rating, or not measured. */
  readonly use: Use | undefined;
  /** Watts that are left below that limit; negative where it is passed. */
  readonly headroom: number | undefined;
  readonly failover: Failover | undefined;
  /** Largest distance of a phase from the mean of the phases, as a share of it. */
  readonly imbalance: number | undefined;
  /** @unit W */
  readonly stranded: number | undefined;
  readonly forecast: Forecast | undefined;
  /** Of racks: what may be added on the whole way of power. */
  readonly room: Room | undefined;
}

export interface FeedCapacity {
  readonly feed: string;
  /** Where it begins. */
  readonly begins: readonly string[];
  /** Sum at the 95th percentile of each; undefined where one is not known. @unit W */
  readonly used: number | undefined;
  /** Watts that are left; undefined where one of them has no rating or is not measured. */
  readonly headroom: number | undefined;
}

export interface Capacity {
  readonly elements: readonly ElementCapacity[];
  readonly feeds: readonly FeedCapacity[];
  readonly cases: readonly Case[];
  readonly consumers: Consumers;
}

/** Below this share of the rated current unbalance means nothing. */
export const leastImbalanced = 0.2;

export function capacityOf(topology: Topology, measured: Measured): Capacity {
  return atOnce(capacitySteps(topology, measured));
}

/** The same, a few elements at a time. */
export function* capacitySteps(topology: Topology, measured: Measured): Steps<Capacity> {
  const usages = yield* usageSteps(topology, measured);
  const consumers = yield* consumerSteps(topology, usages);
  yield;
  const cases = yield* caseSteps(topology, usages, consumers);
  const [normal] = cases;
  const stranded = normal === undefined ? new Map<string, number>() : strandedOf(topology, normal);
  const elements: ElementCapacity[] = [];
  for (const [id, usage] of usages) {
    yield;
    const element = topology.element(id);
    const flow = usualFlow(usage);
    const use = flow && tightest(element, flow);
    const room =
      element.kind === "rack"
        ? yield* roomSteps(topology, cases, { rack: element, redundant: false })
        : undefined;
    const headroom = flow && use && headroomOf(element, use, flow);
    // A rack is full when its way of power is, in a failure too; all others stay as they are.
    const left = room === undefined ? headroom : room.watts;
    elements.push({
      element,
      usage,
      use,
      headroom,
      failover: failoverOf(topology, cases, element),
      imbalance: imbalanceOf(element, usage),
      stranded: flow && stranded.get(id),
      forecast: forecastFor(element, usage, { left, measured }),
      room,
    });
  }
  return { elements, feeds: feedsOf(elements), cases, consumers };
}

function imbalanceOf({ phases, rating }: Element, { amperes }: Usage): number | undefined {
  const currents = phases.flatMap((phase) => amperes[phase]?.p95 ?? []);
  if (phases.length < 3 || currents.length < phases.length) return undefined;
  const mean = currents.reduce((sum, one) => sum + one, 0) / currents.length;
  if (mean === 0 || mean < leastImbalanced * (rating.current ?? 0)) return undefined;
  return Math.max(...currents.map((one) => Math.abs(one - mean))) / mean;
}

/** Of watts a day, until no watt is left at today's power factor and shares of phases. */
function forecastFor(
  { id }: Element,
  { samples, watts: { p95 } }: Usage,
  { left, measured }: { readonly left: number | undefined; readonly measured: Measured },
): Forecast | undefined {
  if (left === undefined || samples === undefined || p95 === undefined) return undefined;
  const { days, frame, least } = measured;
  const known = days === undefined ? dailyOf(samples, frame, least) : (days.get(id) ?? []);
  return forecastOf(known, p95 + left);
}

function feedsOf(elements: readonly ElementCapacity[]): readonly FeedCapacity[] {
  const byFeed = Map.groupBy(elements, ({ element }) => element.feed ?? "");
  byFeed.delete("");
  return [...byFeed]
    .map(([feed, all]) => ({
      feed,
      begins: all.map(({ element }) => element.id),
      used: sumOf(all.map(({ usage }) => usage.watts.p95)),
      headroom: sumOf(all.map(({ headroom }) => headroom)),
    }))
    .toSorted((one, other) => (one.feed < other.feed ? -1 : 1));
}

/** Undefined where one of them is. */
function sumOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  if (known.length < values.length) return undefined;
  return known.reduce((sum, one) => sum + one, 0);
}

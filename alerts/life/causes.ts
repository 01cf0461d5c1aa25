/**
 * Root causes: which of the alerts that fire follow from another one. Pure: alerts and relations
 * in, consequence → root cause out, the same for any order of the alerts.
 *
 *   silence   a device that is read through a line or an agent that is dead; a second silence of
 *             the same device
 *   power     a device whose equipment (or rack) has no feed left, because one has failed
 *   inhibits  what a rule names
 *
 * A cause is never less severe than what follows from it, so that nobody misses what is worse;
 * what a rule inhibits by name is its own affair. Causes never run in circles.
 */
import type { Place, Tags } from "../../telemetry/index.ts";
import type { Severity } from "../rule.ts";
import { severities } from "../rule.ts";
import type { Power } from "./power.ts";
import type { Influence, Scope } from "./rule-options.ts";

/** An alert that fires, as far as it matters here. */
export interface Firing extends Influence {
  readonly rule: string;
  readonly severity: Severity;
  /** Its device: `region/org/site/device`. */
  readonly device: string;
  readonly place: Place;
  /** The tags that tell it from others of its rule. */
  readonly tags: Tags;
  /** @unit ms since 1970-01-01 UTC */
  readonly since: number;
  /** It says that its device sends nothing. */
  readonly silent: boolean;
  /** What its device is read through, the nearest first. */
  readonly through: readonly string[];
  /** What is dead while it fires: a device, an agent or a line. */
  readonly dead: string | undefined;
  /** Made by the hub: one thing behind many. */
  readonly common: boolean;
}

/** Consequence → the alert at the root of it. */
export type Causes<F> = ReadonlyMap<F, F>;

export function causesOf<F extends Firing>(firing: readonly F[], power?: Power): Causes<F> {
  const near = new Map<F, F>();
  const searches = [
    silences(firing),
    ...(power === undefined ? [] : [blackouts(firing, power)]),
    inhibitions(firing),
  ];
  const reachable = searches.filter((search) => search !== undefined);
  if (reachable.length === 0) return near;
  // Silence alone makes no circles: then the order says nothing.
  const ordered = reachable.length > 1 || reachable[0] !== searches[0];
  for (const alert of ordered ? firing.toSorted(inOrder) : firing) {
    for (const search of reachable) {
      const cause = search(alert).find((one) => one !== alert && !leadsTo(near, one, alert));
      if (cause === undefined) continue;
      near.set(alert, cause);
      break;
    }
  }
  const roots = new Map<F, F>();
  for (const alert of near.keys()) roots.set(alert, rootOf(near, alert));
  return roots;
}

/** The causes that an alert may have, the best first. */
type Search<F> = (alert: F) => readonly F[];

function silences<F extends Firing>(firing: readonly F[]): Search<F> | undefined {
  const dead = new Map<string, F[]>();
  for (const one of firing) {
    if (one.dead === undefined) continue;
    const list = dead.get(one.dead);
    if (list === undefined) dead.set(one.dead, [one]);
    else list.push(one);
  }
  if (dead.size === 0) return undefined;
  for (const list of dead.values()) list.sort(inOrder);
  return (alert) => {
    if (alert.dead === undefined) return [];
    const found: F[] = [];
    for (const thing of alert.through) {
      for (const one of dead.get(thing) ?? []) if (isWorse(one, alert)) found.push(one);
    }
    for (const one of dead.get(alert.dead) ?? []) {
      const before = one !== alert && inOrder(one, alert) < 0;
      if (before && isWorse(one, alert)) found.push(one);
    }
    return found;
  };
}

function blackouts<F extends Firing>(firing: readonly F[], power: Power): Search<F> | undefined {
  const failed = firing.filter(({ failure }) => failure).toSorted(inOrder);
  if (failed.length === 0) return undefined;
  const causeOf = power.blackout(failed);
  return (alert) => {
    const cause = causeOf(alert.device);
    return cause !== undefined && isWorse(cause, alert) ? [cause] : [];
  };
}

function inhibitions<F extends Firing>(firing: readonly F[]): Search<F> | undefined {
  const inhibiting = firing.filter(({ inhibits }) => inhibits.length > 0).toSorted(inOrder);
  if (inhibiting.length === 0) return undefined;
  const over = Map.groupBy(
    inhibiting.flatMap((one) =>
      one.inhibits.flatMap((rule) => {
        const at = placeOf(one, one.near);
        return at === undefined ? [] : [{ rule, at, one }];
      }),
    ),
    ({ rule, at }) => `${rule}\0${at}`,
  );
  return (alert) => {
    const places = scopesOf(alert);
    return places.flatMap((at) =>
      (over.get(`${alert.rule}\0${at}`) ?? [])
        .map(({ one }) => one)
        .filter((one) => one.near !== "device" || agree(one.tags, alert.tags)),
    );
  };
}

function scopesOf(alert: Firing): readonly string[] {
  const all: readonly Scope[] = ["device", "rack", "zone", "site"];
  return all.map((scope) => placeOf(alert, scope)).filter((at) => at !== undefined);
}

function placeOf({ device, place }: Firing, scope: Scope): string | undefined {
  const site = device.slice(0, device.lastIndexOf("/"));
  if (scope === "device") return `device ${device}`;
  if (scope === "site") return `site ${site}`;
  const name = place[scope];
  return name === undefined ? undefined : `${scope} ${site}/${name}`;
}

/** Whether what both say is the same: another channel of the device is another matter. */
function agree(some: Tags, others: Tags): boolean {
  return Object.entries(some).every(([name, value]) => (others[name] ?? value) === value);
}

function isWorse(cause: Firing, alert: Firing): boolean {
  return severities.indexOf(cause.severity) >= severities.indexOf(alert.severity);
}

/** What the hub made itself stands before all, then what began first. */
function inOrder(one: Firing, other: Firing): number {
  return (
    Number(other.common) - Number(one.common) ||
    one.since - other.since ||
    compare(one.rule, other.rule) ||
    compare(one.device, other.device) ||
    compare(tagText(one.tags), tagText(other.tags))
  );
}

function tagText(tags: Tags): string {
  return JSON.stringify(Object.entries(tags).toSorted(([a], [b]) => compare(a, b)));
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function leadsTo<F>(causes: Causes<F>, from: F, to: F): boolean {
  return rootOf(causes, from) === to;
}

function rootOf<F>(causes: Causes<F>, alert: F): F {
  let root = alert;
  for (let next = causes.get(root); next !== undefined; next = causes.get(root)) root = next;
  return root;
}

/**
 * Groups: one possible alert for each combination of a rule's `by` tags. Where a combination names
 * a device the alert is that device's, else it is the hub's. Limits: `maxGroups` a rule; a group
 * too many is refused, counted, and logged once a rule.
 */
import type { DeviceAddress, Log, Place, Point, Tags } from "../telemetry/index.ts";
import { assertNever, fieldFacts, measurementEntry, topicOf } from "../telemetry/index.ts";
import type { Judging, Life, Step } from "./evaluate.ts";
import { newborn } from "./evaluate.ts";
import { judgingOf } from "./judging.ts";
import type { Acknowledged } from "./life/acts.ts";
import type { Chatter } from "./life/chatter.ts";
import type { Rule, Severity } from "./rule.ts";

/** Groups that one rule may have, unless the caller says otherwise. */
export const maxGroups = 10_000;

/** What an alert says of its rule; kept with it, in case the rule goes first. */
export interface Face {
  readonly about: string;
  readonly severity: Severity;
  /** What to do first. */
  readonly runbook?: string | undefined;
  /** Behind the value, for people. */
  readonly unit: string;
  /** The limit that was passed; for an absence the longest silence allowed. */
  readonly threshold: number;
}

/** A rule with what can be worked out once. */
export interface Compiled<R extends Rule = Rule> {
  readonly id: string;
  readonly rule: R;
  readonly judging: Judging;
  readonly face: Face;
  /** The channel tag of the measurement. */
  readonly channel: string | undefined;
  /** Each group is of one device. */
  readonly ofDevice: boolean;
  /** Each group is one series. */
  readonly single: boolean;
  /** What makes a kept state meaningless when it changes: what is judged, and by what tags. */
  readonly shape: string;
}

export function compile<R extends Rule>(id: string, rule: R): Compiled<R> {
  const { about, severity, runbook, measurement, by } = rule;
  const channel = measurementEntry(measurement)?.channel;
  const judging = judgingOf(rule);
  const ofDevice = by.includes("device");
  return {
    id,
    rule,
    judging,
    face: { about, severity, runbook, unit: unitOf(rule), threshold: judging.threshold.limit },
    channel,
    ofDevice,
    single: ofDevice && (channel === undefined || by.includes(channel)),
    shape: shapeOf(rule),
  };
}

/** How rates are written that people know. */
const spans: ReadonlyMap<number, string> = new Map([
  [1000, "s"],
  [60_000, "min"],
  [3_600_000, "h"],
  [86_400_000, "d"],
]);

/** The unit of what is judged. */
function unitOf(rule: Rule): string {
  if (rule.kind === "absent") return "s";
  const { fields, expr, measurement } = rule;
  const [field = ""] = fields;
  const shown = expr === undefined ? (fieldFacts(measurement, field)?.unit?.shown ?? "") : "";
  if (rule.kind === "live") return shown;
  switch (rule.measure.as) {
    case "value":
      return rule.measure.aggregate === "count" ? "" : shown;
    case "rate":
      return `${shown}/${spans.get(rule.measure.per) ?? `${rule.measure.per / 1000} s`}`;
    case "spread":
    case "deviation":
      return shown;
    case "changes":
      return "";
    case "forecast":
      return "h";
    case "bad":
      return "%";
    default:
      return assertNever(rule.measure);
  }
}

function shapeOf(rule: Rule): string {
  const { kind, measurement, by, where } = rule;
  if (kind === "absent") return JSON.stringify([kind, measurement, "", by, where]);
  const { fields, expr, join } = rule;
  const plain = rule.kind === "live" || rule.measure.as === "value";
  const more = expr === undefined && join === "worst" ? [] : [expr ?? null, join];
  const measure = plain ? [] : [rule.measure];
  return JSON.stringify([kind, measurement, fields.join(), by, where, ...more, ...measure]);
}

/** Where a row comes from. */
export interface Origin {
  readonly address: DeviceAddress;
  readonly place: Place;
}

/** One possible alert and its life so far. */
export interface Group {
  rule: Pick<Compiled, "id" | "shape" | "face">;
  readonly key: string;
  /** The `by` tags. */
  readonly tags: Tags;
  /** The device, or the hub. Changes only while there is no alert: a topic must be cleared. */
  address: DeviceAddress;
  place: Place;
  life: Life;
  /** Who looks after it, until it resolves. */
  acknowledged?: Acknowledged | undefined;
  chatter?: Chatter | undefined;
  /** Of a silence: what the device is read through, the nearest first. */
  through?: readonly string[] | undefined;
}

/** The value of a tag of a row, "" where it has none. */
export function tagOf(name: string, { address, place }: Origin, point?: Point): string {
  switch (name) {
    case "region":
    case "org":
    case "site":
    case "class":
    case "device":
      return address[name];
    case "zone":
    case "rack":
      return place[name] ?? "";
    default:
      return point?.tags?.[name] ?? "";
  }
}

/** The values of a rule's `by` tags, in their order. */
export function valuesOf({ rule }: Compiled, origin: Origin, point?: Point): string[] {
  return rule.by.map((name) => tagOf(name, origin, point));
}

/** What tells devices apart; the class is left out, as the store does not know it. */
export function identityOf({ region, org, site, device }: Omit<DeviceAddress, "class">): string {
  return `${region}/${org}/${site}/${device}`;
}

/** Name of a group within its rule; `values` in the order of `by`. */
export function keyOf(rule: Compiled, address: DeviceAddress, values: readonly string[]): string {
  const own = values.join("\u0000");
  return rule.ofDevice ? `${identityOf(address)}\u0000${own}` : own;
}

export class Groups {
  readonly #hub: DeviceAddress;
  readonly #log: Log;
  readonly #limit: number;
  readonly #byRule = new Map<string, Map<string, Group>>();
  /** Groups that are pending, firing or unknown, by the topic they are told on. */
  readonly #active = new Map<string, Set<Group>>();
  readonly #full = new Set<string>();
  /** Groups refused because their rule has too many. */
  refused = 0;

  constructor(hub: DeviceAddress, log: Log, limit = maxGroups) {
    this.#hub = hub;
    this.#log = log;
    this.#limit = limit;
  }

  /** The groups of a rule by key. */
  of(rule: Compiled): ReadonlyMap<string, Group> {
    return this.#byRule.get(rule.id) ?? new Map();
  }

  /**
   * The group of a row, made when it is new; undefined when the rule has too many. A device whose
   * class is not known ("") has no topic: the hub speaks for it.
   */
  group(rule: Compiled, origin: Origin, values: readonly string[]): Group | undefined {
    const key = keyOf(rule, origin.address, values);
    const known = this.#byRule.get(rule.id)?.get(key);
    if (known === undefined) {
      const tags = Object.fromEntries(rule.rule.by.map((name, i) => [name, values[i] ?? ""]));
      const hubs = { address: this.#hub, place: placeIn(tags) };
      const { address, place } = isOwn(rule, origin) ? origin : hubs;
      return this.add({ rule, key, tags, address, place, life: newborn });
    }
    this.settle(known, rule, origin);
    return known;
  }

  /** A device may have moved; an alert that goes on stays where it is. */
  settle(group: Group, rule: Compiled, origin: Origin): void {
    if (group.life.phase !== "inactive" || !isOwn(rule, origin)) return;
    group.address = origin.address;
    group.place = origin.place;
  }

  /** Takes a group in; undefined when its rule has too many. */
  add(group: Group): Group | undefined {
    const { rule } = group;
    const groups = this.#byRule.get(rule.id) ?? new Map<string, Group>();
    if (groups.size >= this.#limit) return this.#refuse(rule);
    this.#byRule.set(rule.id, groups.set(group.key, group));
    this.#index(group);
    return group;
  }

  /** Gives a group its next life. */
  advance(group: Group, { life }: Step): void {
    const entered = group.life.phase !== life.phase;
    group.life = life;
    if (entered) this.#index(group);
  }

  remove(group: Group): void {
    this.#byRule.get(group.rule.id)?.delete(group.key);
  }

  /** All groups, in order of rules and of their coming. */
  *[Symbol.iterator](): Generator<Group> {
    for (const groups of this.#byRule.values()) yield* groups.values();
  }

  /** The groups that are pending, firing or unknown: all, or those told on one topic. */
  active(topic?: string): readonly Group[] {
    if (topic !== undefined) return [...(this.#active.get(topic) ?? [])];
    return [...this.#active.values()].flatMap((groups) => [...groups]);
  }

  #index(group: Group): void {
    const topic = topicOf(group.address, "alert");
    const there = this.#active.get(topic);
    if (group.life.phase !== "inactive") {
      this.#active.set(topic, (there ?? new Set()).add(group));
    } else if (there?.delete(group) === true && there.size === 0) {
      this.#active.delete(topic);
    }
  }

  #refuse(rule: Pick<Compiled, "id">): undefined {
    this.refused += 1;
    if (this.#full.has(rule.id)) return undefined;
    this.#full.add(rule.id);
    this.#log.warn("rule refused more groups", { rule: rule.id, limit: this.#limit });
    return undefined;
  }
}

/** Whether a group is its device's. */
function isOwn(rule: Compiled, { address }: Origin): boolean {
  return rule.ofDevice && address.class !== "";
}

function placeIn(tags: Tags): Place {
  const { zone, rack } = tags;
  return {
    ...(zone === undefined || zone === "" ? {} : { zone }),
    ...(rack === undefined || rack === "" ? {} : { rack }),
  };
}

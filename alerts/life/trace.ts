/**
 * Keeps track of what hangs on what: makes and ends the alerts of common causes, and finds the
 * root cause of each alert that fires. Limit: a common cause an agent and a line.
 */
import type { Topology } from "../../config/index.ts";
import type { DeviceAddress } from "../../telemetry/index.ts";
import type { Step } from "../evaluate.ts";
import { end, newborn } from "../evaluate.ts";
import type { Group, Groups } from "../groups.ts";
import { identityOf } from "../groups.ts";
import type { Rule, Severity } from "../rule.ts";
import type { Causes, Firing } from "./causes.ts";
import { causesOf } from "./causes.ts";
import { Power } from "./power.ts";
import type { Influence } from "./rule-options.ts";
import { commonCause } from "./rule-options.ts";
import type { Suspect, Thing, Wired } from "./wiring.ts";
import {
  faceOfThing,
  isCause,
  tagsOfThing,
  thingName,
  thingOf,
  Wiring,
  worstOf,
} from "./wiring.ts";

export interface TracerParts {
  readonly rules: Readonly<Record<string, Rule>>;
  readonly groups: Groups;
  readonly hub: DeviceAddress;
  readonly topology?: Topology | undefined;
  /** Whether an agent is known to have gone; undefined while nobody knows. */
  readonly gone?: ((agent: DeviceAddress) => boolean | undefined) | undefined;
}

/** An alert that fires, with its group. */
export interface FiringGroup extends Firing {
  readonly group: Group;
}

/** A common cause begins or ends. */
export interface CommonChange {
  readonly group: Group;
  readonly next: Step;
}

interface RuleFacts extends Influence {
  /** Its alerts say that their device is silent. */
  readonly silent: boolean;
}

function factsOf(rules: TracerParts["rules"]): ReadonlyMap<string, RuleFacts> {
  return new Map(
    Object.entries(rules).map(([id, rule]) => {
      const silent = rule.kind === "absent" && rule.by.includes("device");
      return [id, { ...rule, silent }];
    }),
  );
}

const noInfluence: RuleFacts = { inhibits: [], near: "device", failure: false, silent: false };

/** Devices of a thing by what is known of them. */
type Crowd = ReadonlyMap<string, ReadonlySet<string>>;

export class Tracer {
  readonly #parts: TracerParts;
  #facts: ReadonlyMap<string, RuleFacts>;
  readonly #power: Power | undefined;
  #wiring: Wiring;
  /** Watched devices by what they are read through; undefined when it has to be made anew. */
  #members: Crowd | undefined;
  /** Alerts of common causes, by the thing that they stand for. */
  readonly #common = new Map<string, Group>();

  constructor(parts: TracerParts, devices: readonly Wired[]) {
    this.#parts = parts;
    this.#facts = factsOf(parts.rules);
    const { topology, hub } = parts;
    this.#power = topology === undefined ? undefined : new Power(topology, hub);
    this.#wiring = new Wiring(devices);
  }

  useRules(rules: TracerParts["rules"]): void {
    this.#facts = factsOf(rules);
    this.#members = undefined;
  }

  expect(devices: readonly Wired[]): void {
    this.#wiring = new Wiring(devices);
    this.#members = undefined;
  }

  /** Takes in a common cause of an earlier run, once the alerts that follow from it are there. */
  adopt(kept: Group): void {
    const thing = thingOf(kept.address, kept.tags);
    const silent = this.#silentOf(thing, this.firing());
    const rule = ruleOf(thing, worstOf(silent.map(({ severity }) => severity)));
    const group = this.#parts.groups.add({ ...kept, rule });
    if (group !== undefined) this.#common.set(thingName(thing), group);
  }

  /** Whether there is such a rule. */
  knows(rule: string): boolean {
    return rule === commonCause || this.#facts.has(rule);
  }

  /** All that fires, what is unknown for now included. */
  firing(): readonly FiringGroup[] {
    return this.#parts.groups
      .active()
      .filter(({ life }) => life.phase === "firing")
      .map((group) => this.#firingOf(group));
  }

  causes(firing: readonly FiringGroup[]): Causes<FiringGroup> {
    return causesOf(firing, this.#power);
  }

  /** Whether others of its line may be silent too, and not yet said so. */
  mayBeCommon(group: Group): boolean {
    if (this.#facts.get(group.rule.id)?.silent !== true) return false;
    const members = this.#watched();
    const [line = ""] = this.#wiring.through(identityOf(group.address)) ?? [];
    return this.#wiring.thing(line)?.line !== undefined && (members.get(line)?.size ?? 0) > 1;
  }

  /** The common causes that begin and end, seen what fires; `ripe`: it fires for a while. */
  commonChanges(
    firing: readonly FiringGroup[],
    { ripe, time }: { readonly ripe: (group: Group) => boolean; readonly time: number },
  ): readonly CommonChange[] {
    const silent = Map.groupBy(
      firing
        .filter((one) => one.silent)
        .flatMap((one) => one.through.map((name) => ({ name, one }))),
      ({ name }) => name,
    );
    const dead = new Set(firing.filter(({ common }) => !common).map((one) => one.dead));
    const changes: CommonChange[] = [];
    for (const [name, entries] of silent) {
      const through = entries.map(({ one }) => one);
      const thing = this.#wiring.thing(name) ?? this.#adopted(name);
      if (thing === undefined) continue;
      const suspect = this.#suspect(thing, through, dead);
      const old = through.some(({ group }) => ripe(group));
      if (suspect.standing || !isCause({ ...suspect, ripe: old })) continue;
      changes.push(this.#begin(thing, through, time));
    }
    for (const [name, group] of this.#common) {
      if (group.life.phase !== "firing") continue;
      const through = silent.get(name)?.map(({ one }) => one) ?? [];
      const thing = thingOf(group.address, group.tags);
      const stands = through.length > 0 && isCause(this.#suspect(thing, through, dead));
      if (!stands) changes.push({ group, next: end(group.life, time) });
    }
    return changes;
  }

  #stands(name: string): boolean {
    return this.#common.get(name)?.life.phase === "firing";
  }

  #adopted(name: string): Thing | undefined {
    const group = this.#common.get(name);
    return group === undefined ? undefined : thingOf(group.address, group.tags);
  }

  #suspect(
    thing: Thing,
    through: readonly FiringGroup[],
    dead: ReadonlySet<string | undefined>,
  ): Suspect {
    const name = thingName(thing);
    const agent = identityOf(thing.agent);
    return {
      thing,
      members: this.#watched().get(name)?.size ?? 0,
      silent: new Set(through.map(({ device }) => device)).size,
      standing: this.#stands(name),
      ripe: true,
      gone: this.#parts.gone?.(thing.agent),
      // What hung on an agent that is back has a moment to speak before its line is blamed.
      explained: dead.has(agent) || this.#stands(agent),
    };
  }

  #begin(thing: Thing, silent: readonly FiringGroup[], time: number): CommonChange {
    const name = thingName(thing);
    const rule = ruleOf(thing, worstOf(silent.map(({ severity }) => severity)));
    const { agent: address } = thing;
    // Of an agent that has gone all devices are silent, though most have not said so yet.
    const value = this.#watched().get(name)?.size ?? silent.length;
    const before = this.#common.get(name);
    if (before !== undefined) this.#parts.groups.remove(before);
    const tags = tagsOfThing(thing);
    const group: Group = { rule, key: name, tags, address, place: {}, life: newborn };
    this.#parts.groups.add(group);
    this.#common.set(name, group);
    const life = { ...newborn, phase: "firing", since: time, seen: time, value } as const;
    return { group, next: { life, change: { from: "inactive", to: "firing", time } } };
  }

  #silentOf(thing: Thing, firing: readonly FiringGroup[]): readonly FiringGroup[] {
    const name = thingName(thing);
    return firing.filter(({ silent, through }) => silent && through.includes(name));
  }

  #firingOf(group: Group): FiringGroup {
    const { rule, address, place, tags, life } = group;
    const common = rule.id === commonCause;
    const facts = this.#facts.get(rule.id) ?? noInfluence;
    const device = identityOf(address);
    // Kept with the alert: after a restart nobody may say it again.
    if (facts.silent) group.through = this.#wiring.through(device) ?? group.through;
    const dead = common ? thingName(thingOf(address, tags)) : facts.silent ? device : undefined;
    const line = common ? tags["line"] : undefined;
    const { inhibits, near, failure, silent } = facts;
    return {
      group,
      rule: rule.id,
      severity: rule.face.severity,
      device,
      place,
      tags,
      since: life.since,
      silent,
      through: line === undefined ? (group.through ?? []) : [device],
      dead,
      common,
      inhibits,
      near,
      failure,
    };
  }

  #watched(): Crowd {
    if (this.#members !== undefined) return this.#members;
    const members = new Map<string, Set<string>>();
    for (const { rule, address, through: kept = [] } of this.#parts.groups) {
      if (this.#facts.get(rule.id)?.silent !== true) continue;
      const device = identityOf(address);
      for (const name of this.#wiring.through(device) ?? kept) {
        members.set(name, (members.get(name) ?? new Set()).add(device));
      }
    }
    this.#members = members;
    return members;
  }
}

function ruleOf(thing: Thing, severity: Severity): Group["rule"] {
  return { id: commonCause, shape: commonCause, face: faceOfThing(thing, severity) };
}

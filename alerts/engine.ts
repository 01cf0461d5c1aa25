/**
 * The alerts at work: live points, the silence of known devices and answers of the store go in;
 * retained payloads, calls to the notifier and rows of `alert_event` come out. Live rules judge in
 * event time (the device's answer), stored rules at the time of the question, absence on the
 * monotonic clock. State is kept over restarts: nothing is told twice, nothing is lost.
 * Limits: `maxGroups` groups a rule; what is too much is refused and counted.
 */
import type { DeviceAddress, Platform, Point, Tags } from "../telemetry/index.ts";
import { topicOf } from "../telemetry/index.ts";
import type { Store } from "../store/index.ts";
import { AbsenceWatch } from "./absence.ts";
import type { Step } from "./evaluate.ts";
import { end, freeze, isBroken, observe, step, thaw } from "./evaluate.ts";
import type { Compiled, Group, Origin } from "./groups.ts";
import { Groups, identityOf, keyOf, valuesOf } from "./groups.ts";
import { chatterAfter, timingOf } from "./life/chatter.ts";
import type { Life } from "./life/life.ts";
import type { Quiet } from "./life/quiet.ts";
import { commonCause } from "./life/rule-options.ts";
import type { Wired } from "./life/wiring.ts";
import type { AbsentRule, Rule, StoredRule } from "./rule.ts";
import type { Outbox } from "./outbox.ts";
import type { Source, Target } from "./routes.ts";
import { matches, Routes } from "./routes.ts";
import { RuleSet } from "./rule-set.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Answered } from "./answers.ts";
import { StoredRules } from "./stored.ts";
import type { AlertView } from "./transition.ts";
import { transitionOf, viewOf } from "./transition.ts";

/** A device that ought to send. */
export interface ExpectedDevice extends Origin, Wired {
  /** What it ought to send. */
  readonly measurements: readonly string[];
}

/** What ingest hands over of a live batch. */
export interface LiveBatch extends Origin {
  /** When the device answered. @unit ms since 1970-01-01 UTC */
  readonly time: number;
  readonly points: readonly Point[];
}

/** An alert with the device that it is of. */
export interface ActiveAlert extends AlertView {
  readonly address: DeviceAddress;
  /** Why nobody is told of it. */
  readonly quiet?: Quiet | undefined;
}

/** What the status shows. */
export interface AlertsStatus {
  readonly firing: number;
  readonly pending: number;
  readonly unknown: number;
  readonly alerts: readonly ActiveAlert[];
  /** Stored rules that cannot be judged now. */
  readonly blind: readonly string[];
  /** Values not judged: not newer than the last of their series, of the future, one too many. */
  readonly ignored: number;
  /** Rows refused because a rule had too many groups. */
  readonly refused: number;
  /** Rows that wait for the store. */
  readonly waiting: number;
  /** Rows that the store will never take. */
  readonly rejected: number;
  /** Transitions not told or rows not written because too many waited. */
  readonly shed: number;
}

export interface Judge extends AsyncDisposable {
  /** Judges live points; returns at once, what follows from them goes out by itself. */
  observe(batch: LiveBatch): void;
  /** The devices that ought to send, all of them; alerts of a device that left are ended. */
  expect(devices: readonly ExpectedDevice[]): void;
  /** Other rules from now on: what they judge as before goes on, all else ends or begins. */
  useRules(rules: Readonly<Record<string, Rule>>): void;
  /** What is pending, firing or unknown now. */
  firing(): AlertsStatus;
}

/** A point from further ahead would make all that follow look old. @unit ms */
const maxAhead = 3_600_000;

/** What judging needs. */
export interface EngineParts {
  readonly rules: Readonly<Record<string, Rule>>;
  /** Devices known at start; empty where they become known later, by `expect`. */
  readonly expected: readonly ExpectedDevice[];
  /** Who tells alerts that are wider than a device, or of a device that nobody has heard of. */
  readonly hub: DeviceAddress;
  readonly store: Pick<Store, "query">;
  /** Groups that one rule may have. Default 10,000. */
  readonly maxGroups?: number;
}

/** Where transitions go: a hub's outbox, or the list of a replay. */
export interface Outgoing extends Pick<Outbox, "add" | "tell" | "start" | "close"> {
  readonly waiting: number;
  readonly rejected: number;
  readonly shed: number;
  /** Hears of every judgement, also of one that changed nothing. */
  judged?(group: Group): void;
}

/** The same engine for a replay: nothing was kept before, nothing is told but to `outbox`. */
export function openReplayed(parts: EngineParts, platform: Platform, outbox: Outgoing): Judge {
  const groups = new Groups(parts.hub, platform.log, parts.maxGroups);
  const engine = new Engine(parts, platform, { groups, outbox });
  engine.start();
  return engine;
}

/** A row on its way to the rules. */
interface Row {
  readonly source: Source;
  readonly time: number;
  readonly point: Point;
}

/** Judges for a hub or a replay; see `open.ts`. */
export class Engine implements Judge {
  readonly #platform: Platform;
  readonly #groups: Groups;
  readonly #outbox: Outgoing;
  /** Left out in a replay: nobody acts there. */
  readonly #life: Life | undefined;
  readonly #store: EngineParts["store"];
  #rules: RuleSet;
  #stored: StoredRules;
  readonly #routes: Routes;
  #expected: readonly ExpectedDevice[];
  #ignored = 0;
  #closed = false;

  constructor(
    parts: EngineParts,
    platform: Platform,
    { groups, outbox, life }: { groups: Groups; outbox: Outgoing; life?: Life },
  ) {
    this.#platform = platform;
    this.#groups = groups;
    this.#outbox = outbox;
    this.#life = life;
    this.#expected = parts.expected;
    this.#store = parts.store;
    this.#rules = this.#compiled(parts.rules);
    this.#routes = new Routes(this.#rules, groups);
    this.#stored = this.#asking();
  }

  /** Puts kept groups back; those whose rule is gone or judges something else now are ended. */
  restore(kept: Snapshot): void {
    for (const { rule: id, ...group } of kept.groups) {
      const rule = this.#rules.byId.get(id);
      const before = kept.rules[id];
      if (before === undefined) continue;
      if (id === commonCause) this.#life?.adopt({ ...group, rule: { id, ...before } });
      else if (rule !== undefined && rule.shape === before.shape)
        this.#groups.add({ ...group, rule });
      else this.#endKept({ ...group, rule: { id, ...before } });
    }
    // Also of what has ended: the end may not have been published before the restart.
    for (const { address } of this.#groups) this.#outbox.tell(topicOf(address, "alert"));
  }

  start(): void {
    this.#watchExpected();
    if (this.#expected.length > 0) this.#endUnexpected([]);
    this.#stored.start(this.#rules.stored);
    this.#life?.start();
    this.#outbox.start();
  }

  observe(batch: LiveBatch): void {
    if (this.#closed) return;
    const { time } = batch;
    const source = this.#routes.source(batch);
    const early = time > this.#platform.clock.now() + maxAhead;
    for (const point of batch.points) {
      const route = this.#routes.route(source, point);
      if (route === undefined) continue;
      if (early) this.#ignored += route.targets.length;
      else for (const target of route.targets) this.#judge(target, { source, time, point });
      for (const { watch, group } of route.heard) if (watch.counts(point)) watch.hear(group);
    }
  }

  expect(devices: readonly ExpectedDevice[]): void {
    const before = this.#expected;
    this.#expected = devices;
    this.#watchExpected();
    this.#endUnexpected(before);
    this.#routes.forget();
    this.#life?.expect(devices);
  }

  useRules(rules: Readonly<Record<string, Rule>>): void {
    const before = this.#rules;
    const next = this.#compiled(rules);
    this.#rules = next;
    for (const group of this.#groups) {
      const rule = next.byId.get(group.rule.id);
      if (group.rule.id === commonCause) continue;
      if (rule?.shape === group.rule.shape) group.rule = rule;
      else this.#drop(group);
    }
    for (const { address } of this.#groups.active()) this.#outbox.tell(topicOf(address, "alert"));
    for (const watch of next.watches) watch.adopt(before.watches);
    for (const watch of before.watches) watch.close();
    void this.#stored.close();
    this.#stored = this.#asking();
    this.#stored.start(next.stored);
    this.#routes.use(next);
    this.#watchExpected();
    this.#life?.useRules(rules);
  }

  firing(): AlertsStatus {
    const alerts = this.#groups.active().map((group): ActiveAlert => {
      const view = this.#life?.viewOf(group) ?? viewOf(group);
      return { ...view, address: group.address, quiet: this.#life?.quietOf(group) };
    });
    const count = (state: string): number => alerts.filter((one) => one.state === state).length;
    return {
      firing: count("firing"),
      pending: count("pending"),
      unknown: count("unknown"),
      alerts,
      blind: this.#stored.blind,
      ignored: this.#ignored,
      refused: this.#groups.refused,
      waiting: this.#outbox.waiting,
      rejected: this.#outbox.rejected,
      shed: this.#outbox.shed,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#life?.close();
    for (const watch of this.#rules.watches) watch.close();
    await this.#stored.close();
    await this.#outbox.close();
  }

  #compiled(rules: Readonly<Record<string, Rule>>): RuleSet {
    const advance = (group: Group, next: Step): void => this.advance(group, next);
    return new RuleSet(rules, (rule) => new AbsenceWatch(rule, this.#platform, advance));
  }

  #asking(): StoredRules {
    return new StoredRules(this.#store, this.#platform, {
      answered: (rule, answers, time) => this.#answered(rule, answers, time),
      blinded: (rule, time) => this.#blinded(rule, time),
    });
  }

  #judge(target: Target, { source, time, point }: Row): void {
    const { rule, series } = target;
    const values = numbersIn(point, rule.rule.fields);
    if (values === undefined || Number(point.fields["q"] ?? 0) > rule.rule.quality) return;
    const group = (target.group ??= this.#groups.group(rule, source, target.values));
    if (group === undefined) return;
    this.#groups.settle(group, rule, source);
    const next = observe(timingOf(rule.judging, group), group.life, { series, time, values });
    if (next === undefined) this.#ignored += 1;
    else this.advance(group, next);
  }

  #answered(rule: Compiled<StoredRule>, answers: readonly Answered[], time: number): void {
    const seen = new Set<Group>();
    const { threshold } = rule.judging;
    for (const { tags, value } of answers) {
      const values = rule.rule.by.map((name) => tags[name] ?? "");
      const group = this.#groups.group(rule, this.#originOf(tags), values);
      if (group === undefined) continue;
      seen.add(group);
      const broken = isBroken(threshold, group.life.phase, value);
      this.advance(group, step(timingOf(rule.rule, group), group.life, { broken, value, time }));
    }
    for (const group of this.#groups.of(rule).values()) {
      if (!seen.has(group)) this.advance(group, thaw(group.life, time));
    }
  }

  #blinded(rule: Compiled<StoredRule>, time: number): void {
    for (const group of this.#groups.of(rule).values()) {
      this.advance(group, freeze(group.life, time));
    }
  }

  /** Takes a step in the life of an alert. */
  advance(group: Group, next: Step): void {
    this.#groups.advance(group, next);
    this.#outbox.judged?.(group);
    if (next.change === undefined) return;
    group.chatter = chatterAfter(group.chatter, next.change);
    const transition = transitionOf(group, next.change);
    this.#life?.changed(group, transition);
    this.#outbox.add(transition);
  }

  #endGroup(group: Group): void {
    this.advance(group, end(group.life, this.#platform.clock.now()));
  }

  /** Ends a kept alert that no rule stands behind any more. */
  #endKept(group: Group): void {
    if (group.life.phase === "inactive") return;
    const { life, change } = end(group.life, this.#platform.clock.now());
    if (change !== undefined) this.#outbox.add(transitionOf({ ...group, life }, change));
  }

  #watchExpected(): void {
    for (const device of this.#expected) {
      this.#routes.source(device);
      for (const measurement of device.measurements) {
        for (const watch of this.#rules.absent.get(measurement) ?? []) this.#watch(watch, device);
      }
    }
  }

  #watch(watch: AbsenceWatch, device: ExpectedDevice): void {
    const { rule } = watch;
    if (!matches(placeOnly(rule.rule.where, rule), device)) return;
    const group = this.#groups.group(rule, device, valuesOf(rule, device));
    if (group !== undefined) watch.watch(group);
  }

  /** Silence of what nobody expects is no alert; a device that left takes its alerts along. */
  #endUnexpected(before: readonly ExpectedDevice[]): void {
    const left = identities(before);
    for (const { address } of this.#expected) left.delete(identityOf(address));
    for (const watch of this.#rules.watches) {
      const expected = this.#expectedKeys(watch.rule);
      const groups = [...this.#groups.of(watch.rule).values()];
      for (const group of groups.filter(({ key }) => !expected.has(key))) {
        watch.forget(group);
        this.#drop(group);
      }
    }
    for (const group of this.#groups.active()) {
      if (left.has(identityOf(group.address))) this.#endGroup(group);
    }
  }

  #expectedKeys(rule: Compiled<AbsentRule>): ReadonlySet<string> {
    const { measurement, where } = rule.rule;
    const keys = new Set<string>();
    for (const device of this.#expected) {
      const sends = device.measurements.includes(measurement);
      if (!sends || !matches(placeOnly(where, rule), device)) continue;
      keys.add(keyOf(rule, device.address, valuesOf(rule, device)));
    }
    return keys;
  }

  #drop(group: Group): void {
    this.#endGroup(group);
    this.#groups.remove(group);
  }

  /** The store knows no class: it comes from the device, when that was heard of. */
  #originOf(tags: Tags): Origin {
    const { region = "", org = "", site = "", device = "" } = tags;
    const known = this.#routes.known(identityOf({ region, org, site, device }));
    return known ?? { address: { region, org, site, class: "", device }, place: {} };
  }
}

/** The values of some fields; undefined where a point does not have them all. */
function numbersIn(point: Point, fields: readonly string[]): readonly number[] | undefined {
  const values: number[] = [];
  for (const field of fields) {
    const value = point.fields[field];
    if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
    values.push(value);
  }
  return values;
}

/** The part of `where` that is known of a device before it sends. */
function placeOnly(where: Tags, { channel }: Compiled): Tags {
  return Object.fromEntries(Object.entries(where).filter(([name]) => name !== channel));
}

function identities(devices: readonly ExpectedDevice[]): Set<string> {
  return new Set(devices.map(({ address }) => identityOf(address)));
}

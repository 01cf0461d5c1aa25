/**
 * The life of alerts beyond their state: who looks after one (acknowledged), which nobody is told
 * of for a while (shelved), which follow from another (consequences), how many there are (load).
 * All are judged and shown as ever; this decides what is told to notifiers, and when. What was not
 * told while it was quiet is told when it still fires afterwards.
 * Limits: those of `acts.ts`.
 */
import { isDeepStrictEqual } from "node:util";
import type { Platform, Timer } from "../../telemetry/index.ts";
import { sleep, topicOf } from "../../telemetry/index.ts";
import type { Group } from "../groups.ts";
import type { AlertView, Transition } from "../transition.ts";
import { transitionOf, viewOf } from "../transition.ts";
import type { Act, AlertPick, Shelf } from "./acts.ts";
import { checkedAct, isPicked, nameOf, refused } from "./acts.ts";
import type { Acts, KeptLife, LifeParts, Ways } from "./contract.ts";
import type { Standing } from "./load.ts";
import { lineOfLoad, Load } from "./load.ts";
import type { Outlook } from "./outlook.ts";
import { linksOf, looksOther, noOutlook } from "./outlook.ts";
import type { Quiet } from "./quiet.ts";
import { lifeViewOf } from "./quiet.ts";
import type { ActRow } from "./rows.ts";
import { lineOfAct, placeOfAlert, placeOfShelf } from "./rows.ts";
import { Shelves } from "./shelves.ts";
import type { FiringGroup } from "./trace.ts";
import { Tracer } from "./trace.ts";
import type { Wired } from "./wiring.ts";

/** Shelves named in a payload. */
const mostShelves = 200;
/** How long silence waits for a cause to show, and consequences after their cause. @unit ms */
const settle = 30_000;
/** With more alerts than this, others run between the steps of a look at all of them. */
const slice = 1000;
/** A timer of more than 2^31 ms would be due at once. @unit ms */
const longestWait = 3_600_000;

export class Life implements Acts {
  readonly #parts: LifeParts;
  readonly #platform: Platform;
  readonly #ways: Ways;
  readonly #tracer: Tracer;
  readonly #shelves: Shelves;
  readonly #load: Load;
  readonly #adopted: Group[] = [];
  readonly #groupOf = new WeakMap<Transition, Group>();
  #outlook: Outlook = noOutlook;
  /** Until when they wait for a cause. @unit ms, monotonic */
  readonly #held = new Map<Group, number>();
  /** What was told of its firing. */
  readonly #told = new WeakSet<Group>();
  #dirty = false;
  #closed = false;
  /** One review after another. */
  #reviewing: Promise<unknown> = Promise.resolve();
  #timer: Timer | undefined;
  #settledAt = 0;

  constructor(
    parts: LifeParts,
    platform: Platform,
    { kept, ways }: { kept: KeptLife; ways: Ways },
  ) {
    this.#parts = parts;
    this.#platform = platform;
    this.#ways = ways;
    this.#tracer = new Tracer(parts, parts.expected);
    this.#shelves = new Shelves(kept.shelves);
    this.#load = new Load(platform.clock.now(), kept.load);
  }

  /** Takes a common cause of an earlier run, to be looked at by `start`. */
  adopt(group: Group): void {
    this.#adopted.push(group);
  }

  /** Goes on where the earlier run ended: shelves that ended meanwhile end now. */
  start(): void {
    const { clock } = this.#platform;
    this.#settledAt = clock.monotonic() + settle;
    for (const group of this.#adopted.splice(0)) {
      this.#tracer.adopt(group);
      this.#ways.tell(topicOf(group.address, "alert"));
    }
    // Only then do shelves end: it has to be known what was on them.
    void this.#review().then(() => {
      for (const { group } of this.#tracer.firing()) {
        if (!this.#outlook.quiet.has(group)) this.#told.add(group);
      }
      this.#tick();
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** For the snapshot. */
  get kept(): KeptLife {
    return { shelves: this.#shelves.all, load: this.#load.counted };
  }

  useRules(rules: LifeParts["rules"]): void {
    this.#tracer.useRules(rules);
    this.#now();
  }

  expect(devices: readonly Wired[]): void {
    this.#tracer.expect(devices);
    this.#dirty = true;
  }

  /** A transition of an alert, before anybody hears of it. */
  changed(group: Group, transition: Transition): void {
    const { from, to, severity } = transition;
    this.#groupOf.set(transition, group);
    this.#dirty = true;
    if (group.life.phase === "inactive") {
      group.acknowledged = undefined;
      this.#held.delete(group);
      this.#told.delete(group);
    } else if (to === "firing" && from !== "unknown") {
      this.#load.fired(severity);
      if (this.#tracer.mayBeCommon(group)) this.#hold(group);
    }
  }

  /** Takes transitions on their way to the notifiers, with what they need to know. */
  async remember(transitions: readonly Transition[]): Promise<void> {
    const late = this.#dirty ? await this.#review() : [];
    const marked = transitions.map((transition) => {
      const group = this.#groupOf.get(transition);
      const quiet = group === undefined ? undefined : this.#outlook.quiet.get(group);
      if (group === undefined || transition.to !== "firing") return transition;
      if (quiet !== undefined) return { ...transition, quiet };
      this.#countTold(group);
      return transition;
    });
    await this.#parts.remember?.([...marked, ...late]);
  }

  async acknowledge(
    { may = () => true, ...pick }: Parameters<Acts["acknowledge"]>[0],
    act: Act,
  ): Promise<number> {
    const { by, comment } = checkedAct(act);
    const at = this.#platform.clock.now();
    const groups = this.#tracer.firing().map(({ group }) => group);
    const chosen = groups.filter((group) => isPicked(pick, group) && may(group.address));
    if (chosen.length === 0) throw refused(`no alert of ${nameOf(pick)} fires`);
    for (const group of chosen) {
      group.acknowledged = { by, at, comment };
      const said = { act: "acknowledged", by, comment, time: at } as const;
      this.#ways.line(lineOfAct({ ...said, ...placeOfAlert(group) }));
      this.#ways.tell(topicOf(group.address, "alert"));
    }
    this.#now();
    await this.#ways.kept();
    return chosen.length;
  }

  async shelve(
    pick: AlertPick,
    { length, ...act }: Act & { readonly length: number },
  ): Promise<Shelf> {
    const { by, comment } = checkedAct(act);
    const { rule, where } = pick;
    if (!this.#tracer.knows(rule)) throw refused(`there is no rule "${rule}"`);
    const at = this.#platform.clock.now();
    const shelf = { rule, where, by, at, until: at + length, comment };
    this.#shelves.add(shelf);
    this.#rowOfShelf("shelved", shelf, { by, comment });
    this.#now();
    await this.#ways.kept();
    return shelf;
  }

  async unshelve(pick: AlertPick, act: Act): Promise<Shelf> {
    const { by, comment } = checkedAct(act);
    const shelf = this.#shelves.remove(pick);
    if (shelf === undefined) throw refused(`nothing is shelved as just ${nameOf(pick)}`);
    this.#rowOfShelf("unshelved", shelf, { by, comment });
    this.#now();
    await this.#ways.kept();
    return shelf;
  }

  get shelves(): readonly Shelf[] {
    return this.#shelves.all;
  }

  get load(): Acts["load"] {
    return { now: this.#load.counted, last: this.#load.last };
  }

  /** Why nobody is told of an alert. */
  quietOf(group: Group): Quiet | undefined {
    return this.#outlook.quiet.get(group);
  }

  viewOf(group: Group): AlertView {
    const shelf = this.#shelves.of(group);
    const cause = this.#outlook.causes.get(group);
    const consequences = this.#outlook.consequences.get(group);
    return { ...viewOf(group), ...lifeViewOf(group, { shelf, cause, consequences }) };
  }

  /** The retained payload of a topic; on the hub's own stand load and shelves too. */
  payload(topic: string, time: number): string {
    const alerts = this.#parts.groups.active(topic).map((group) => this.viewOf(group));
    const own = topic === topicOf(this.#parts.hub, "alert");
    const shelves = this.#shelves.all;
    const more = {
      load: this.load,
      shelves: { count: shelves.length, list: shelves.slice(0, mostShelves) },
    };
    return JSON.stringify({ v: 1, time, alerts, ...(own ? more : {}) });
  }

  /** Looks at all that fires once more; what may be told now, though it began before. */
  #review(): Promise<readonly Transition[]> {
    const late = this.#reviewing.then(() => this.#reviewed());
    this.#reviewing = late;
    return late;
  }

  async #reviewed(): Promise<readonly Transition[]> {
    const { clock } = this.#platform;
    const before = this.#outlook.quiet;
    await this.#look();
    const late: Transition[] = [];
    for (const [group, was] of before) {
      if (group.life.phase !== "firing") continue;
      const now = this.#outlook.quiet.get(group);
      // Of a new cause not all may hear: they are told of what follows from it instead.
      const isFree = now === undefined || (now.why === "caused" && !isDeepStrictEqual(now, was));
      if (isFree) late.push(this.#late(group, { again: was.why === "shelved", quiet: now }));
    }
    this.#arm(clock.monotonic());
    return late;
  }

  #late(group: Group, how: { readonly again: boolean; readonly quiet: Quiet | undefined }) {
    if (how.again) this.#told.delete(group);
    if (how.quiet === undefined) this.#countTold(group);
    const change = { from: "inactive", to: "firing", time: group.life.since } as const;
    return { ...transitionOf(group, change), ...how };
  }

  /** Each firing counts once, however often it is told. */
  #countTold(group: Group): void {
    if (this.#told.has(group)) return;
    this.#told.add(group);
    this.#load.told();
  }

  /** Finds causes anew, and who is quiet; tells the topics on which that is seen. */
  async #look(): Promise<void> {
    const { clock } = this.#platform;
    let firing = this.#tracer.firing();
    // What changes from here on is looked at once more.
    this.#dirty = false;
    const breathe = async (): Promise<void> => {
      if (firing.length > slice) await sleep(clock, 0);
    };
    await breathe();
    if (this.#commonCauses(firing)) firing = this.#tracer.firing();
    await breathe();
    const { causes, consequences } = linksOf(this.#tracer.causes(firing));
    await breathe();
    const quiet = new Map<Group, Quiet>();
    for (const { group } of firing) {
      const isFreed = this.#outlook.causes.has(group) && !causes.has(group);
      if (isFreed) this.#hold(group);
      if ((this.#held.get(group) ?? 0) <= clock.monotonic()) this.#held.delete(group);
      const why = this.#whyQuiet(group, causes.get(group));
      if (why !== undefined) quiet.set(group, why);
    }
    await breathe();
    const before = this.#outlook;
    this.#outlook = { causes, consequences, quiet };
    for (const { group } of firing) {
      if (looksOther(group, before, this.#outlook))
        this.#ways.tell(topicOf(group.address, "alert"));
    }
  }

  #whyQuiet(group: Group, cause: Group | undefined): Quiet | undefined {
    if (this.#shelves.of(group) !== undefined) return { why: "shelved" };
    if (cause !== undefined) {
      const { id: rule, face } = cause.rule;
      return { why: "caused", rule, severity: face.severity };
    }
    if (group.acknowledged !== undefined) return { why: "acknowledged" };
    return this.#held.has(group) ? { why: "held" } : undefined;
  }

  /** Begins and ends causes that are no rule's, never just after a start; false: there was none. */
  #commonCauses(firing: readonly FiringGroup[]): boolean {
    const { clock } = this.#platform;
    const now = clock.monotonic();
    if (now < this.#settledAt) return false;
    const ripe = (group: Group): boolean => (this.#held.get(group) ?? 0) <= now;
    const changes = this.#tracer.commonChanges(firing, { ripe, time: clock.now() });
    for (const { group, next } of changes) this.#ways.advance(group, next);
    return changes.length > 0;
  }

  #hold(group: Group): void {
    this.#held.set(group, this.#platform.clock.monotonic() + settle);
  }

  /** After an act: what follows from it goes out at once. */
  #now(): void {
    this.#dirty = true;
    this.#tick();
  }

  #tick(): void {
    const now = this.#platform.clock.now();
    const window = this.#load.roll(now, () => this.#standing());
    if (window !== undefined) {
      this.#ways.line(lineOfLoad(window, this.#parts.hub));
      this.#ways.tell(topicOf(this.#parts.hub, "alert"));
    }
    for (const shelf of this.#shelves.expire(now)) {
      this.#rowOfShelf("shelf ended", shelf, { by: "", comment: "" });
    }
    void this.#review().then((late) => {
      if (late.length > 0) return this.#parts.remember?.(late);
      return undefined;
    });
  }

  #arm(now: number): void {
    const wall = this.#platform.clock.now();
    const end = Math.min(this.#shelves.nextEnd, this.#load.end) - wall;
    let wait = Math.min(longestWait, end);
    for (const due of this.#held.values()) wait = Math.min(wait, due - now);
    if (this.#settledAt > now) wait = Math.min(wait, this.#settledAt - now);
    this.#timer?.cancel();
    if (this.#closed) return;
    this.#timer = this.#platform.clock.after(Math.max(1, wait), () => this.#tick());
  }

  #standing(): Standing {
    const firing = this.#tracer.firing();
    const count = (is: (group: Group) => boolean): number =>
      firing.filter(({ group }) => is(group)).length;
    return {
      standing: firing.length,
      acknowledged: count(({ acknowledged }) => acknowledged !== undefined),
      shelved: count((group) => this.#shelves.of(group) !== undefined),
      suppressed: count((group) => this.#outlook.causes.has(group)),
      chattering: count(({ chatter }) => chatter?.chattering === true),
    };
  }

  #rowOfShelf(act: ActRow["act"], shelf: Shelf, { by, comment }: Act): void {
    const { hub } = this.#parts;
    const time = this.#platform.clock.now();
    this.#ways.line(lineOfAct({ act, by, comment, time, ...placeOfShelf(shelf, hub) }));
    this.#ways.tell(topicOf(hub, "alert"));
  }
}

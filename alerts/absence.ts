/**
 * Rules on silence: a known device that sends no row of a measurement for too long, also one that
 * was never heard. Judged by when rows arrive at the hub, on the monotonic clock: an agent's wrong
 * clock or a jump of ours is not silence. After a start each device has the whole time again,
 * because nobody listened before; an alert that was firing goes on until a row arrives.
 */
import type { Point, Platform, Timer } from "../telemetry/index.ts";
import type { Step } from "./evaluate.ts";
import { step } from "./evaluate.ts";
import type { Compiled, Group } from "./groups.ts";
import { timingOf } from "./life/chatter.ts";
import type { AbsentRule } from "./rule.ts";

/** Least time between two rounds over all groups. @unit ms */
const leastRound = 100;
/** Most time between two: a timer of more than 2^31 ms (25 days) would be due at once. @unit ms */
const mostRound = 3_600_000;

export class AbsenceWatch {
  readonly rule: Compiled<AbsentRule>;
  readonly #platform: Pick<Platform, "clock">;
  readonly #advance: (group: Group, next: Step) => void;
  /** When each group was last heard. @unit ms, monotonic */
  readonly #heard = new Map<Group, number>();
  #timer: Timer | undefined;
  #due = Number.POSITIVE_INFINITY;

  constructor(
    rule: Compiled<AbsentRule>,
    platform: Pick<Platform, "clock">,
    advance: (group: Group, next: Step) => void,
  ) {
    this.rule = rule;
    this.#platform = platform;
    this.#advance = advance;
  }

  /** Watches a group from now on. */
  watch(group: Group): void {
    if (this.#heard.has(group)) return;
    this.#heard.set(group, this.#platform.clock.monotonic() - this.#silenceBefore(group));
    this.#arm(this.#dueOf(group));
  }

  /** Goes on where watches of an earlier form of the rule were. */
  adopt(others: readonly AbsenceWatch[]): void {
    for (const [group, heard] of others.flatMap((other) => [...other.#heard])) {
      if (group.rule !== this.rule) continue;
      this.#heard.set(group, heard);
      this.#arm(this.#dueOf(group));
    }
  }

  forget(group: Group): void {
    this.#heard.delete(group);
  }

  /** The groups that are watched. */
  get groups(): Iterable<Group> {
    return this.#heard.keys();
  }

  /** Whether a row ends the silence. */
  counts(point: Point): boolean {
    return Number(point.fields["q"] ?? 0) <= this.rule.rule.quality;
  }

  /** A row of the group has arrived. */
  hear(group: Group): void {
    if (!this.#heard.has(group)) return;
    this.#heard.set(group, this.#platform.clock.monotonic());
    if (group.life.phase === "inactive") return;
    this.#judge(group);
    this.#arm(this.#dueOf(group));
  }

  close(): void {
    this.#timer?.cancel();
    this.#heard.clear();
  }

  /** How long a group of an earlier run has been silent, as far as its life tells. */
  #silenceBefore({ life }: Group): number {
    if (life.phase === "inactive") return 0;
    const since = (life.value ?? 0) * 1000 + Math.max(0, this.#platform.clock.now() - life.seen);
    const calm = life.phase === "firing" && life.clock !== undefined;
    return calm ? 0 : Math.max(this.rule.rule.absent, since);
  }

  #silence(group: Group): number {
    const { clock } = this.#platform;
    return clock.monotonic() - (this.#heard.get(group) ?? clock.monotonic());
  }

  #judge(group: Group): void {
    const { rule } = this.rule;
    const silence = this.#silence(group);
    const broken = silence >= rule.absent;
    const time = this.#platform.clock.now();
    const timed = timingOf(rule, group);
    this.#advance(group, step(timed, group.life, { broken, value: silence / 1000, time }));
  }

  /** When the group's life could change if no row arrives. @unit ms, monotonic */
  #dueOf(group: Group): number {
    const rule = timingOf(this.rule.rule, group);
    const { clock } = this.#platform;
    const { phase, clock: since } = group.life;
    const silentAt = clock.monotonic() + rule.absent - this.#silence(group);
    if (phase === "inactive") return silentAt;
    if (since === undefined) return Number.POSITIVE_INFINITY;
    const left = (phase === "pending" ? rule.for : rule.keep) - (clock.now() - since);
    return phase === "pending"
      ? clock.monotonic() + left
      : Math.min(silentAt, clock.monotonic() + left);
  }

  #round(): void {
    this.#timer = undefined;
    this.#due = Number.POSITIVE_INFINITY;
    const now = this.#platform.clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const group of this.#heard.keys()) {
      if (this.#dueOf(group) <= now) this.#judge(group);
      next = Math.min(next, this.#dueOf(group));
    }
    this.#arm(next);
  }

  #arm(due: number): void {
    const { clock } = this.#platform;
    if (due >= this.#due || !Number.isFinite(due)) return;
    this.#timer?.cancel();
    const wait = Math.min(mostRound, Math.max(leastRound, due - clock.monotonic()));
    this.#due = clock.monotonic() + wait;
    this.#timer = clock.after(wait, () => this.#round());
  }
}

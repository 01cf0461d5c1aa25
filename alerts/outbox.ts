/**
 * The way out of a transition: first the queues of the notifiers, which hold what they have taken
 * against a crash and take nothing twice; then the snapshot (so that a crash repeats nothing that
 * was told), the retained payload of the device, the call to whoever watches, and the row in the
 * store. Payloads and rows are tried until they are out; a payload always tells the newest state,
 * so neither a late one is wrong nor an early one: it waits for a slow disk `patience` at most. A
 * crash after the snapshot loses a call, never an alert: payloads are published again at start and
 * rows rest in the snapshot.
 * Limits: one snapshot in `gap` on average, `burst` of them at once after a quiet, so that a storm
 * is gathered and a first alert does not wait; `maxWaiting` transitions and as many rows, oldest
 * shed, counted.
 */
import type { Disk, Line, Platform, RetryPolicy } from "../telemetry/index.ts";
import { messageOf, retryDelay, sleep, topicOf } from "../telemetry/index.ts";
import type { Store } from "../store/index.ts";
import type { Groups } from "./groups.ts";
import { encodeSnapshot, snapshotName } from "./snapshot.ts";
import type { Transition } from "./transition.ts";
import type { KeptLife } from "./life/contract.ts";
import { lineOf } from "./transition.ts";

/** Publishes a retained message; it rejects when the message did not get out. */
export type Publish = (
  topic: string,
  payload: string,
  options: { readonly retain: true },
) => Promise<void>;

/** Is told each transition once, after it is remembered. */
export type Notify = (transition: Transition) => void;

/** Keeps transitions against a crash, before anything else is told of them; never rejects. */
export type Remember = (transitions: readonly Transition[]) => Promise<void>;

export interface OutboxParts {
  readonly groups: Groups;
  readonly store: Pick<Store, "write">;
  readonly disk: Disk;
  readonly publish: Publish;
  readonly notify: Notify;
  readonly remember: Remember;
  /** The retained payload of a topic. */
  readonly payload: (topic: string, time: number) => string;
  /** What the snapshot keeps beside groups and rows. */
  readonly life: () => KeptLife;
}

/** Transitions and rows that may wait. */
const maxWaiting = 50_000;
/** Rows in one write; transitions and payloads told without a pause. */
const atOnce = 500;
/** How often what happened meanwhile is taken along. */
const mostRounds = 5;
/** Time between two snapshots in a storm. @unit ms */
const gap = 200;
/** Snapshots that may follow each other at once. */
const burst = 5;
/** How long a payload waits for a disk; 0.9 s for one file were seen. @unit ms */
const patience = 100;
const retry: RetryPolicy = { first: 1000, longest: 60_000 };

export class Outbox {
  readonly #parts: OutboxParts;
  readonly #platform: Platform;
  readonly #stop = new AbortController();
  #transitions: Transition[] = [];
  #topics = new Set<string>();
  /** Something happened that no snapshot knows of. */
  #unsaved = false;
  #lines: Line[];
  /** Tags and time of rows; starts anew when full, as a clash needs the same ms. */
  readonly #taken = new Set<string>();
  #telling: Promise<void> = Promise.resolve();
  #writing: Promise<void> = Promise.resolve();
  #isTelling = false;
  #isWriting = false;
  /** Who waits for the next snapshot. */
  #waiters: (() => void)[] = [];
  /** Rounds in a row in which the broker took not all. */
  #failures = 0;
  /** When the next snapshot would be due if they were spread evenly. @unit ms, monotonic */
  #dueAt = Number.NEGATIVE_INFINITY;
  #saves = true;
  /** Transitions not told and rows not written, because too many waited. */
  shed = 0;
  /** Rows that the store will never take. */
  rejected = 0;

  constructor(parts: OutboxParts, platform: Platform, lines: readonly Line[]) {
    this.#parts = parts;
    this.#platform = platform;
    this.#lines = [...lines];
  }

  /** Rows that wait for the store. */
  get waiting(): number {
    return this.#lines.length;
  }

  /** Begins with the rows that an earlier run left. */
  start(): void {
    this.#write();
  }

  /** Takes a transition that has happened. */
  add(transition: Transition): void {
    this.#push(this.#transitions, transition);
    this.line(lineOf(transition));
    this.tell(topicOf(transition.address, "alert"));
  }

  /** Takes a row; it goes out with the next topic that is told. */
  line(line: Line): void {
    this.#push(this.#lines, this.#alone(line));
  }

  /** Resolves when all that has happened is in the snapshot, or the disk has refused. */
  kept(): Promise<void> {
    if (!this.#isTelling) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push(resolve);
    return promise;
  }

  /** Publishes the state of a topic again. */
  tell(topic: string): void {
    this.#topics.add(topic);
    this.#unsaved = true;
    if (!this.#isTelling) this.#telling = this.#tellAll();
  }

  /** Tells what waits, without waiting for a store or a broker that is down; saves once more. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#telling, this.#writing]);
    await this.#save();
  }

  async #tellAll(): Promise<void> {
    this.#isTelling = true;
    // The caller goes on first, so that all transitions of one batch go out together.
    await Promise.resolve();
    while (this.#unsaved) {
      const wait = this.#dueAt - (burst - 1) * gap - this.#platform.clock.monotonic();
      if (wait > 0) await sleep(this.#platform.clock, wait, this.#stop.signal);
      const keeping = this.#keep();
      const published = this.#publishMeanwhile(keeping);
      const transitions = await keeping;
      this.#write();
      for (const [i, transition] of transitions.entries()) {
        if (i % atOnce === atOnce - 1) await this.#breathe();
        this.#notify(transition);
      }
      await published;
    }
    this.#isTelling = false;
  }

  /** What has happened is in the notifiers' queues, then in the snapshot. */
  async #keep(): Promise<readonly Transition[]> {
    const transitions = await this.#remembered();
    this.#unsaved = this.#transitions.length > 0;
    await this.#save();
    return transitions;
  }

  /** Publishes once all is kept, or after `patience`, and so on with what happens meanwhile. */
  async #publishMeanwhile(keeping: Promise<unknown>): Promise<void> {
    const kept = keeping.then(() => true);
    let done = false;
    while (!done) {
      const patient = new AbortController();
      const impatient = sleep(this.#platform.clock, patience, patient.signal).then(() => false);
      done = await Promise.race([kept, impatient]);
      patient.abort();
      const topics = this.#topics;
      this.#topics = new Set();
      await this.#publishAll(topics);
    }
  }

  /**
   * All that has happened, once the notifiers' queues hold it. What happens meanwhile goes with it,
   * because the snapshot that follows will know of it; but a storm does not hold up the rest.
   */
  async #remembered(): Promise<readonly Transition[]> {
    const all: Transition[] = [];
    for (let round = 0; round < mostRounds && this.#transitions.length > 0; round += 1) {
      const next = this.#transitions.splice(0);
      all.push(...next);
      await this.#parts.remember(next);
    }
    return all;
  }

  async #publishAll(topics: ReadonlySet<string>): Promise<void> {
    const { payload: payloadOf, publish } = this.#parts;
    const failed: string[] = [];
    let problem = "";
    let count = 0;
    for (const topic of topics) {
      count += 1;
      if (count % atOnce === 0) await this.#breathe();
      const payload = payloadOf(topic, this.#platform.clock.now());
      try {
        await publish(topic, payload, { retain: true });
      } catch (error) {
        failed.push(topic);
        problem = messageOf(error);
      }
    }
    if (failed.length > 0) this.#publishLater(failed, problem);
    else this.#failures = 0;
  }

  #publishLater(topics: readonly string[], problem: string): void {
    const { clock, entropy, log } = this.#platform;
    this.#failures += 1;
    if (this.#failures === 1) log.warn("alerts wait for the broker", { problem });
    const again = (): void => {
      for (const topic of topics) if (!this.#stop.signal.aborted) this.tell(topic);
    };
    void sleep(clock, retryDelay(retry, this.#failures, entropy), this.#stop.signal).then(again);
  }

  #notify(transition: Transition): void {
    try {
      this.#parts.notify(transition);
    } catch (error) {
      const problem = messageOf(error);
      this.#platform.log.error("notifier failed", { rule: transition.rule, problem });
    }
  }

  /** Lets others run: a storm of alerts must not stop the hub. */
  #breathe(): Promise<void> {
    return sleep(this.#platform.clock, 0, this.#stop.signal);
  }

  /** Writes the snapshot; a disk that refuses delays no alert. */
  async #save(): Promise<void> {
    const { clock, log } = this.#platform;
    this.#dueAt = Math.max(this.#dueAt, clock.monotonic()) + gap;
    const waiters = this.#waiters.splice(0);
    const { groups, life } = this.#parts;
    const parts = { groups, life: life(), lines: () => this.#lines, now: clock.now() };
    const bytes = await encodeSnapshot(parts, () => this.#breathe());
    try {
      await this.#parts.disk.replace(snapshotName, bytes);
      if (!this.#saves) log.info("alert snapshots are written again");
      this.#saves = true;
    } catch (error) {
      if (this.#saves) log.error("alert snapshot was not written", { problem: messageOf(error) });
      this.#saves = false;
    }
    for (const resolve of waiters) resolve();
  }

  /** Starts writing the rows that wait, unless that is under way. */
  #write(): void {
    if (!this.#isWriting) this.#writing = this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    const { clock, entropy, log } = this.#platform;
    const { signal } = this.#stop;
    for (let attempt = 1; this.#lines.length > 0 && !signal.aborted;) {
      const lines = this.#lines.slice(0, atOnce);
      try {
        const { rejected } = await this.#parts.store.write(lines, signal);
        this.rejected += rejected.length;
        for (const { reason } of rejected) log.error("alert row was rejected", { reason });
        const written = new Set(lines);
        this.#lines = this.#lines.filter((line) => !written.has(line));
        attempt = 1;
      } catch (error) {
        if (attempt === 1) log.warn("alert rows wait for the store", { problem: messageOf(error) });
        await sleep(clock, retryDelay(retry, attempt, entropy), signal);
        attempt += 1;
      }
    }
    this.#isWriting = false;
  }

  /** Two channels of one device may fire at the same ms; the same time would merge their rows. */
  #alone(line: Line): Line {
    let { time } = line;
    const series = JSON.stringify([line.measurement, line.tags]);
    while (this.#taken.has(`${series}${time}`)) time += 1;
    if (this.#taken.size >= maxWaiting) this.#taken.clear();
    this.#taken.add(`${series}${time}`);
    return { ...line, time };
  }

  #push<T>(queue: T[], item: T): void {
    queue.push(item);
    if (queue.length <= maxWaiting) return;
    queue.shift();
    this.shed += 1;
  }
}

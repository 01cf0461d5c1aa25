/**
 * All notifiers of a hub: events go to those that want them and are on disk before the alerts
 * themselves remember that they happened, so that a crash loses none. What a crash or a new
 * configuration left different between alerts and queues is made even a minute after the start:
 * by then the alerts have come again to what they had forgotten, and nothing need be said of it.
 */
import type { Disk, Platform, Timer } from "../../telemetry/index.ts";
import { sleep } from "../../telemetry/index.ts";
import type { ActiveAlert } from "../engine.ts";
import type { Quiet } from "../life/quiet.ts";
import type { Severity } from "../rule.ts";
import { severities } from "../rule.ts";
import type { Transition } from "../transition.ts";
import type { AlertEvent, Message, Notifier } from "./contract.ts";
import type { DeliveryCounts } from "./delivery.ts";
import { attempt, Delivery } from "./delivery.ts";
import { endOf, eventOf, eventOfActive, keyOf } from "./event.ts";
import { Queue } from "./queue.ts";
import type { NotifierOptions } from "./registry.ts";
import { notifierOf } from "./registry.ts";

export interface Notifiers extends AsyncDisposable {
  /** Takes transitions; resolves when they are on disk, or the disk has refused. */
  remember(transitions: readonly Transition[]): Promise<void>;
  /** Begins to send; a minute later `active` is compared with what was told. */
  start(active: () => readonly ActiveAlert[]): void;
  readonly counts: Readonly<Record<string, DeliveryCounts>>;
}

interface Post {
  readonly options: NotifierOptions;
  readonly queue: Queue;
  readonly delivery: Delivery;
}

export interface NotifiersParts {
  readonly notify: Readonly<Record<string, NotifierOptions>>;
  readonly disk: Disk;
  /** Tests put another in the place of the real one. */
  readonly create?: (options: NotifierOptions, platform: Platform) => Notifier;
}

/** Events made without a pause. */
const slice = 500;
/** When what was told is compared with what is. @unit ms */
const settling = 60_000;

/** Reads what earlier runs left; sends nothing before `start`. */
export async function openNotifiers(parts: NotifiersParts, platform: Platform): Promise<Notifiers> {
  const { notify, disk, create = notifierOf } = parts;
  const posts: [string, Post][] = [];
  for (const [name, options] of Object.entries(notify)) {
    const { queue: most, resolved, burst, per_minute: perMinute, expire, timeout } = options;
    const queue = await Queue.load({ name, most, resolved }, { disk, ...platform });
    const notifier = create(options, platform);
    const pace = { name, burst, perMinute, expire, timeout };
    const shelved = (): ReadonlySet<string> => all.shelved;
    const delivery = new Delivery({ options: pace, notifier, queue, shelved }, platform);
    posts.push([name, { options, queue, delivery }]);
  }
  const all = new AllNotifiers(posts, platform);
  return all;
}

class AllNotifiers implements Notifiers {
  readonly #posts: readonly (readonly [string, Post])[];
  readonly #platform: Platform;
  #comparing: Timer | undefined;
  #active: () => readonly ActiveAlert[] = () => [];

  constructor(posts: readonly (readonly [string, Post])[], platform: Platform) {
    this.#posts = posts;
    this.#platform = platform;
  }

  get counts(): Readonly<Record<string, DeliveryCounts>> {
    return Object.fromEntries(this.#posts.map(([name, { delivery }]) => [name, delivery.counts]));
  }

  async remember(transitions: readonly Transition[]): Promise<void> {
    if (this.#posts.length === 0) return;
    const changed = new Set<Post>();
    for (const [i, transition] of transitions.entries()) {
      if (i % slice === slice - 1) await sleep(this.#platform.clock, 0);
      const event = eventOf(transition, this.#platform);
      if (event === undefined) continue;
      for (const [, post] of this.#posts) if (take(post, event, transition)) changed.add(post);
    }
    await Promise.all([...changed].map(({ queue }) => queue.save()));
    for (const { delivery } of changed) delivery.wake();
  }

  /** Keys of the alerts that are shelved. */
  get shelved(): ReadonlySet<string> {
    const alerts = this.#active().filter(({ quiet }) => quiet?.why === "shelved");
    return new Set(alerts.map(({ rule, address, channel }) => keyOf(rule, address, channel)));
  }

  start(active: () => readonly ActiveAlert[]): void {
    this.#active = active;
    for (const [, { delivery }] of this.#posts) delivery.start();
    if (this.#posts.length > 0) this.#compareLater(active);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#comparing?.cancel();
    await Promise.all(this.#posts.map(([, { delivery }]) => delivery.close()));
  }

  #compareLater(active: () => readonly ActiveAlert[]): void {
    this.#comparing = this.#platform.clock.after(settling, () => {
      const alerts = active();
      const unsettled = this.#posts.filter(([, post]) => this.#even(post, alerts));
      if (unsettled.length > 0) this.#compareLater(active);
    });
  }

  /**
   * Tells what began and what ended without the queue having heard of it. True when an alert that
   * was told to fire is pending again: how that ends nobody will tell.
   */
  #even(post: Post, active: readonly ActiveAlert[]): boolean {
    const { queue, delivery } = post;
    const alive = new Set<string>();
    let pending = false;
    let changed = false;
    for (const alert of active) {
      const key = keyOf(alert.rule, alert.address, alert.channel);
      alive.add(key);
      if (alert.state === "pending" && queue.open.has(key)) pending = true;
      // What is unknown may have fired before: it is left as it is.
      if (alert.state !== "firing") continue;
      if (take(post, eventOfActive(alert, this.#platform), alert)) changed = true;
    }
    const over = [...queue.open.values()].filter(({ key }) => !alive.has(key));
    for (const event of over) queue.add(endOf(event, this.#platform));
    if (changed || over.length > 0) void queue.save().then(() => delivery.wake());
    return pending;
  }
}

interface Telling {
  readonly quiet?: Quiet | undefined;
  readonly again?: boolean;
}

/** False when the notifier is not to be told. */
function take(
  { options, queue }: Post,
  event: AlertEvent,
  { quiet, again = false }: Telling,
): boolean {
  const known = queue.open.has(event.key);
  // The end of what was told is told, whatever the configuration says now.
  if (!known && !wants(options, event)) return false;
  if (event.state === "firing") {
    if (known && !again) return false;
    if (quiet !== undefined && (quiet.why !== "caused" || wants(options, quiet))) return false;
    return queue.add(event, again);
  }
  return queue.add(event);
}

/** Whether a notifier is told of alerts like this. */
function wants(
  { severity, rules }: NotifierOptions,
  alert: { readonly severity: Severity; readonly rule: string },
): boolean {
  return (
    severities.indexOf(alert.severity) >= severities.indexOf(severity) &&
    (rules === undefined || rules.includes(alert.rule))
  );
}

/**
 * Sends one test message at once, past queue and pace.
 * @throws as `Notifier.send`, and E_NOTIFY when it takes too long
 */
export async function testNotifier(options: NotifierOptions, platform: Platform): Promise<void> {
  const { clock, entropy } = platform;
  const notifier = notifierOf(options, platform);
  const id = entropy.id();
  const message: Message = { id, kind: "test", time: clock.now(), events: [], leftOut: 0 };
  const { signal } = new AbortController();
  await attempt((ending) => notifier.send(message, ending), {
    clock,
    timeout: options.timeout,
    signal,
  });
}

/**
 * The hub's view of devices: learns each from its `meta` (how often it is read), notices when it
 * falls silent, and says so as retained `state`: stale after three missed intervals. The agent
 * itself says online and offline.
 */
import type { DeviceAddress, Place, Platform, Timer } from "../telemetry/index.ts";
import { isRecord, topicOf } from "../telemetry/index.ts";

export interface DeviceState {
  readonly address: DeviceAddress;
  /** Where it is and what it gives, from its `meta`. */
  readonly place: Place;
  readonly measurements: readonly string[];
  /** The agent that reads it, and the bus, port or address it does so at, from its `meta`. */
  readonly agent?: string | undefined;
  readonly line?: string | undefined;
  readonly state: "online" | "stale" | "offline";
  /** When its newest batch came. @unit ms since 1970-01-01 UTC */
  readonly seen: number;
}

interface Known {
  readonly address: DeviceAddress;
  interval: number;
  place: Place;
  measurements: readonly string[];
  agent?: string | undefined;
  line?: string | undefined;
  state: DeviceState["state"];
  seen: number;
  seenAt: number;
  /** Another hub of the region, which its telemetry came by last. */
  node: string | undefined;
  described: boolean;
  /** When its telemetry came first. */
  first: number | undefined;
  /** It was said in the log that it has no `meta`. */
  told: boolean;
}

const missedIntervals = 3;
/** How often silence is looked for. @unit ms */
const checkEvery = 1000;
/** Devices followed; further ones are not judged. */
const maxDevices = 100_000;
/** Longest name of an agent or a line that is remembered. */
const longestName = 256;
/** How long telemetry may come without a `meta` before that is counted. @unit ms */
const describedWithin = 60_000;
/** Shortest interval judged: below it the network alone makes gaps. @unit ms */
const shortestInterval = 1000;

export class DeviceStates implements Disposable {
  readonly #known = new Map<string, Known>();
  readonly #publish: (topic: string, payload: string) => void;
  readonly #platform: Platform;
  /** Called when devices became known or give new measurements: once for many. */
  readonly #changed: () => void;
  #fresh = false;
  #undescribed = 0;
  #timer: Timer;

  constructor(
    events: {
      readonly publish: (topic: string, payload: string) => void;
      readonly changed: () => void;
    },
    platform: Platform,
  ) {
    this.#publish = events.publish;
    this.#changed = events.changed;
    this.#platform = platform;
    this.#timer = platform.clock.after(checkEvery, () => this.#check());
  }

  get all(): readonly DeviceState[] {
    return [...this.#known.values()].map((known) => {
      const { address, place, measurements, agent, line, state, seen } = known;
      return { address, place, measurements, agent, line, state, seen };
    });
  }

  /** What a device was heard to be; undefined while nothing was. */
  stateOf(address: DeviceAddress): DeviceState["state"] | undefined {
    return this.#known.get(topicOf(address, "state"))?.state;
  }

  /** Devices whose telemetry comes for a minute without a `meta`: nobody knows what they give. */
  get undescribed(): number {
    return this.#undescribed;
  }

  /** A `meta` message: how often the device is read and what it gives. */
  meta(address: DeviceAddress, payload: Uint8Array): void {
    const body = parse(payload);
    const interval = body?.["interval_ms"];
    const measurements = body?.["measurements"];
    const known = this.#of(address);
    if (known === undefined) return;
    if (typeof interval === "number" && interval > 0) known.interval = interval;
    if (isRecord(measurements)) known.measurements = Object.keys(measurements);
    known.place = placeOf(body?.["tags"]);
    known.agent = textOf(body?.["agent"]);
    known.line = lineOf(body?.["endpoint"]);
    known.described = body !== undefined;
    this.#fresh = true;
  }

  /** Its `meta` was cleared: nobody waits for it any more. */
  forget(address: DeviceAddress): void {
    if (this.#known.delete(topicOf(address, "state"))) this.#fresh = true;
  }

  /** A `state` message of the agent. */
  state(address: DeviceAddress, payload: Uint8Array): void {
    const state = parse(payload)?.["state"];
    const known = this.#of(address);
    if (known === undefined) return;
    if (state === "online" || state === "offline" || state === "stale") known.state = state;
  }

  /** A batch of live telemetry came. */
  seen(address: DeviceAddress): void {
    const known = this.#of(address);
    if (known === undefined) return;
    this.#see(known);
    known.node = undefined;
    if (known.state === "stale") this.#turn(known, "online", "none");
  }

  /** The same by another hub of the region, which says what becomes of the device. */
  seenBy(node: string, address: DeviceAddress): void {
    const known = this.#of(address);
    if (known === undefined) return;
    this.#see(known);
    known.node = node;
  }

  /** That hub is gone: its devices are this hub's to judge, from now on. */
  adopt(node: string): void {
    const now = this.#platform.clock.monotonic();
    for (const known of this.#known.values()) {
      if (known.node !== node) continue;
      known.node = undefined;
      known.seenAt = now;
    }
  }

  #see(known: Known): void {
    known.seen = this.#platform.clock.now();
    known.seenAt = this.#platform.clock.monotonic();
    known.first ??= known.seenAt;
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
  }

  #of(address: DeviceAddress): Known | undefined {
    const key = topicOf(address, "state");
    const existing = this.#known.get(key);
    if (existing !== undefined || this.#known.size >= maxDevices) return existing;
    const { clock } = this.#platform;
    const known: Known = {
      address,
      interval: 0,
      place: {},
      measurements: [],
      state: "online",
      seen: clock.now(),
      seenAt: clock.monotonic(),
      node: undefined,
      described: false,
      first: undefined,
      told: false,
    };
    this.#known.set(key, known);
    return known;
  }

  #check(): void {
    const { clock } = this.#platform;
    this.#timer = clock.after(checkEvery, () => this.#check());
    if (this.#fresh) this.#changed();
    this.#fresh = false;
    const now = clock.monotonic();
    this.#undescribed = 0;
    for (const known of this.#known.values()) {
      if (this.#lacksMeta(known, now)) this.#undescribed += 1;
      if (known.interval === 0 || known.state !== "online") continue;
      if (known.node !== undefined) continue;
      const allowed = missedIntervals * Math.max(shortestInterval, known.interval);
      if (now - known.seenAt > allowed) this.#turn(known, "stale", "silent");
    }
  }

  #lacksMeta(known: Known, now: number): boolean {
    if (known.described || known.first === undefined) return false;
    if (now - known.first < describedWithin) return false;
    const { address, told } = known;
    known.told = true;
    const topic = topicOf(address, "meta");
    if (!told) this.#platform.log.warn("device without meta", { topic });
    return true;
  }

  #turn(known: Known, state: DeviceState["state"], reason: string): void {
    known.state = state;
    const since = this.#platform.clock.now();
    const topic = topicOf(known.address, "state");
    this.#publish(topic, JSON.stringify({ v: 1, state, reason, since }));
    this.#platform.log.info("device turned", { device: known.address.device, state, reason });
  }
}

function placeOf(tags: unknown): Place {
  if (!isRecord(tags)) return {};
  const { zone, rack } = tags;
  return {
    ...(typeof zone === "string" ? { zone } : {}),
    ...(typeof rack === "string" ? { rack } : {}),
  };
}

/** What devices share that are read by one wire, or through one gateway. */
function lineOf(endpoint: unknown): string | undefined {
  if (!isRecord(endpoint)) return undefined;
  return textOf(endpoint["bus"] ?? endpoint["port"] ?? endpoint["address"]);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.length <= longestName ? value : undefined;
}

/** The JSON object in a payload; anything else is as good as nothing here. */
function parse(payload: Uint8Array): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(Buffer.from(payload).toString());
    return isRecord(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

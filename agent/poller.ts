/**
 * Reads devices at their own rates. One request at a time per bus: each bus has a loop of its own
 * that takes the earliest due device; devices on other buses never wait for it. A device that
 * fails backs off, so that a dead one costs its bus little.
 */
import type { Heard, Session } from "../drivers/index.ts";
import type { Clock, Platform, Reading } from "../telemetry/index.ts";
import { GatewayError, retryDelay } from "../telemetry/index.ts";
import { Bell } from "./bell.ts";
import { keepListening } from "./listening.ts";

export interface PolledDevice {
  readonly id: string;
  readonly session: Session;
  readonly busKey: string;
  /** Between two reads of a group without its own pace. @unit ms */
  readonly interval: number;
}

export interface PollEvents {
  /** A poll gave points; `time` is when the device answered. @unit ms since 1970 UTC */
  read(device: PolledDevice, reading: Reading, time: number): void;
  /** A device spoke by itself. */
  heard(device: PolledDevice, heard: Heard): void;
  failed(device: PolledDevice, error: unknown): void;
}

/** A read that takes longer is given up. @unit ms */
const longestRead = 60_000;
/** A dead device is tried again at least this often. @unit ms */
const longestBackoff = 60_000;
/** Durations kept for the percentile. */
const keptDurations = 512;

interface Slot {
  readonly group: string;
  readonly every: number;
  due: number;
}

interface Entry {
  readonly device: PolledDevice;
  readonly slots: Slot[];
  failures: number;
  /** Not before this, whatever is due: back-off. */
  notBefore: number;
}

export class Poller {
  readonly #platform: Platform;
  readonly #events: PollEvents;
  readonly #buses: readonly Bus[];
  readonly #listened: readonly PolledDevice[];
  readonly #stop = new AbortController();
  readonly #durations: number[] = [];
  #running: Promise<unknown> = Promise.resolve();
  polls = 0;
  failures = 0;
  /** Reads left out because the one before took too long. */
  overruns = 0;

  constructor(devices: readonly PolledDevice[], events: PollEvents, platform: Platform) {
    this.#platform = platform;
    this.#events = events;
    const now = platform.clock.monotonic();
    this.#listened = devices.filter(({ session }) => session.listen !== undefined);
    const asked = devices.filter(({ session }) => session.groups.length > 0);
    const byBus = Map.groupBy(asked, ({ busKey }) => busKey);
    this.#buses = [...byBus.values()].map((members) => new Bus(members, now));
  }

  start(): void {
    const { signal } = this.#stop;
    this.#running = Promise.all([
      ...this.#buses.map((bus) => this.#run(bus)),
      ...this.#listened.map((device) =>
        keepListening(device, this.#events, {
          platform: this.#platform,
          signal,
        }),
      ),
    ]);
  }

  /** Ends the reads under way and returns when the last has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const bus of this.#buses) bus.bell.ring();
    await this.#running;
  }

  /** 99th percentile of the newest polls. @unit ms */
  get slowest(): number {
    const sorted = this.#durations.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  }

  async #run(bus: Bus): Promise<void> {
    const { clock } = this.#platform;
    while (!this.#stop.signal.aborted) {
      const entry = bus.next();
      const wait = entry.at - clock.monotonic();
      if (wait > 0) await bus.bell.wait(clock, wait);
      else await this.#poll(entry.entry);
    }
  }

  async #poll(entry: Entry): Promise<void> {
    const { clock } = this.#platform;
    const started = clock.monotonic();
    const due = entry.slots.filter((slot) => slot.due <= started);
    const deadline = new Deadline(clock, longestRead, this.#stop.signal);
    this.polls += 1;
    try {
      const groups = due.map(({ group }) => group);
      const reading = await entry.device.session.read(groups, deadline.signal);
      entry.failures = 0;
      entry.notBefore = 0;
      this.#schedule(due);
      this.#events.read(entry.device, reading, clock.now());
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.failures += 1;
      entry.failures += 1;
      this.#schedule(due);
      entry.notBefore = clock.monotonic() + this.#backoff(entry);
      this.#events.failed(entry.device, error);
    } finally {
      deadline.end();
      this.#durations.push(clock.monotonic() - started);
      if (this.#durations.length > keptDurations) this.#durations.shift();
    }
  }

  /** Keeps each group's own beat; a beat that passed during the read is left out and counted. */
  #schedule(due: readonly Slot[]): void {
    const now = this.#platform.clock.monotonic();
    for (const slot of due) {
      const next = Math.floor((now - slot.due) / slot.every) + 1;
      this.overruns += next - 1;
      slot.due += next * slot.every;
    }
  }

  /** The first failure costs nothing extra: a single lost answer is no dead device. */
  #backoff({ device, failures }: Entry): number {
    if (failures < 2) return 0;
    const policy = { first: device.interval, longest: Math.max(longestBackoff, device.interval) };
    return retryDelay(policy, failures - 1, this.#platform.entropy);
  }
}

class Bus {
  readonly bell = new Bell();
  readonly #entries: readonly Entry[];

  constructor(devices: readonly PolledDevice[], now: number) {
    this.#entries = devices.map((device) => ({
      device,
      failures: 0,
      notBefore: 0,
      slots: device.session.groups.map(({ name, every }) => ({
        group: name,
        // A group's own pace slows it down; it never makes a device be read more often.
        every: Math.max(1, device.interval, every ?? 0),
        due: now,
      })),
    }));
  }

  /** The entry whose turn is next, and when. Ties go to the one that has waited longest. */
  next(): { readonly entry: Entry; readonly at: number } {
    let best: { entry: Entry; at: number; due: number } | undefined;
    for (const entry of this.#entries) {
      const due = Math.min(...entry.slots.map((slot) => slot.due));
      const at = Math.max(due, entry.notBefore);
      if (best === undefined || at < best.at || (at === best.at && due < best.due)) {
        best = { entry, at, due };
      }
    }
    return best ?? unreachable();
  }
}

function unreachable(): never {
  throw new GatewayError("E_BUG", "a bus without a device");
}

/** Aborts after a time, or with the signal it follows. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: { cancel(): void };
  readonly #parent: AbortSignal;
  readonly #follow = (): void => this.#controller.abort();

  constructor(clock: Clock, ms: number, parent: AbortSignal) {
    this.#parent = parent;
    this.#timer = clock.after(ms, this.#follow);
    parent.addEventListener("abort", this.#follow, { once: true });
    if (parent.aborted) this.#follow();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    this.#timer.cancel();
    this.#parent.removeEventListener("abort", this.#follow);
  }
}

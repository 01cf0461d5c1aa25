/**
 * Reads devices at their own rates. Each bus has a loop of its own that takes the device whose
 * deadline comes first (`schedule.ts`); devices on other buses never wait for it. A device that
 * fails backs off, and is asked one short question before it is read again, so that a dead one
 * costs its bus little.
 */
import type { Heard, Session } from "../drivers/index.ts";
import type { Clock, Code, Platform, Reading } from "../telemetry/index.ts";
import { GatewayError, retryDelay } from "../telemetry/index.ts";
import { Bell } from "./bell.ts";
import { keepListening } from "./listening.ts";
import type { Entry, Schedule } from "./schedule.ts";
import { nextBeat, nextTry, schedulesOf } from "./schedule.ts";

export interface PolledDevice {
  readonly id: string;
  readonly session: Session;
  readonly busKey: string;
  /** How many devices of its bus may be read at once; one when left out. */
  readonly width?: number | undefined;
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
/** A dead device is tried again at least so often. @unit ms */
const longestBackoff = {
  device: 60_000,
  /** With a short question. */
  probed: 30_000,
  /** When it is the way to it that is lost: to try costs nobody time. */
  way: 10_000,
} as const;
/** Durations kept for the percentile. */
const keptDurations = 512;

/** The way to the device failed, not the device: it is shared by all on its bus. */
const wayCodes: ReadonlySet<Code> = new Set([
  "E_CONNECT",
  "E_DISCONNECTED",
  "E_SERIAL",
  "E_SERIAL_BUSY",
  "E_SERIAL_MISSING",
  "E_SERIAL_PERMISSION",
] as const);

interface Bus {
  readonly schedule: Schedule;
  /** One for each reader: as many as devices of the bus may be read at once. */
  readonly bells: readonly Bell[];
}

export class Poller {
  readonly #platform: Platform;
  readonly #events: PollEvents;
  readonly #buses: readonly Bus[];
  readonly #listened: readonly PolledDevice[];
  readonly #stop = new AbortController();
  /** A ring. @unit ms */
  readonly #durations: number[] = [];
  #timed = 0;
  #running: Promise<unknown> = Promise.resolve();
  polls = 0;
  failures = 0;
  /** Reads left out because the one before took too long. */
  overruns = 0;

  constructor(devices: readonly PolledDevice[], events: PollEvents, platform: Platform) {
    this.#platform = platform;
    this.#events = events;
    this.#listened = devices.filter(({ session }) => session.listen !== undefined);
    const asked = devices.filter(({ session }) => session.groups.length > 0);
    const members = [...Map.groupBy(asked, ({ busKey }) => busKey).values()];
    const schedules = schedulesOf(members, platform.clock.monotonic());
    this.#buses = schedules.map((schedule, index) => ({
      schedule,
      bells: Array.from({ length: readersOf(members[index] ?? []) }, () => new Bell()),
    }));
  }

  start(): void {
    const { signal } = this.#stop;
    this.#running = Promise.all([
      ...this.#buses.flatMap(({ schedule, bells }) =>
        bells.map((bell) => this.#run(schedule, bell)),
      ),
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
    for (const { bells } of this.#buses) for (const bell of bells) bell.ring();
    await this.#running;
  }

  /** 99th percentile of the newest polls. @unit ms */
  get slowest(): number {
    const sorted = this.#durations.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  }

  /** One of the readers of a bus; each takes what comes next. */
  async #run(schedule: Schedule, bell: Bell): Promise<void> {
    const { clock } = this.#platform;
    while (!this.#stop.signal.aborted) {
      const entry = schedule.take(clock.monotonic());
      if (entry === undefined) {
        await bell.wait(clock, Math.min(schedule.next - clock.monotonic(), longestWait));
        continue;
      }
      await this.#poll(entry, schedule);
      schedule.put(entry);
    }
  }

  async #poll(entry: Entry, schedule: Schedule): Promise<void> {
    const { clock } = this.#platform;
    const started = clock.monotonic();
    const due = entry.slots.filter((slot) => slot.due <= started);
    const { session } = entry.device;
    const deadline = new Deadline(clock, longestRead, this.#stop.signal);
    entry.served = started;
    this.polls += 1;
    try {
      if (entry.wary) await session.probe?.(deadline.signal);
      const groups = due.map(({ group }) => group);
      const reading = await session.read(groups, deadline.signal);
      this.overruns += nextBeat(entry, due, clock.monotonic());
      revive(entry);
      schedule.wayFound();
      this.#events.read(entry.device, reading, clock.now());
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.failures += 1;
      nextTry(entry, due, clock.monotonic());
      this.#backOff(entry, error);
      this.#events.failed(entry.device, error);
    } finally {
      deadline.end();
      this.#durations[this.#timed % keptDurations] = clock.monotonic() - started;
      this.#timed += 1;
    }
  }

  /** The first failure costs nothing extra: a single lost answer is no dead device. */
  #backOff(entry: Entry, error: unknown): void {
    const { interval } = entry.device;
    const known = error instanceof GatewayError ? error : undefined;
    entry.failures += 1;
    entry.wayLost = known !== undefined && wayCodes.has(known.code);
    entry.wary = !entry.wayLost && known?.verdict === "retry";
    const probed = entry.wary && entry.device.session.probe !== undefined;
    const longest = longestBackoff[entry.wayLost ? "way" : probed ? "probed" : "device"];
    const policy = { first: interval, longest: Math.max(interval, longest) };
    const attempt = entry.failures - 1;
    const delay = attempt < 1 ? 0 : retryDelay(policy, attempt, this.#platform.entropy);
    entry.notBefore = this.#platform.clock.monotonic() + delay;
  }
}

/** It answered: nothing is held against it any more. */
function revive(entry: Entry): void {
  entry.failures = 0;
  entry.notBefore = 0;
  entry.wayLost = false;
  entry.wary = false;
}

/** What one device of a bus cannot bear is kept from all. */
function readersOf(members: readonly PolledDevice[]): number {
  const width = Math.min(...members.map((device) => device.width ?? 1));
  return Math.max(1, Math.min(width, members.length));
}

/** A bus looks at its devices at least this often. @unit ms */
const longestWait = 3_600_000;

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

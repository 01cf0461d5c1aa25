/**
 * When the devices of one bus are read. A device is ready when a group of it is due; of those that
 * are ready the one goes first whose deadline, the end of its interval, comes first. So devices of
 * unlike rates mix, and when a bus has too much to do all are late by the same time.
 *
 *   due            due + every = deadline
 *    ├── ready, waits ──┤ read ├── ...
 *
 * The first readings are due at once. After that each device has a phase of its own, so that
 * neither the devices of a bus nor many buses come due in the same moment.
 */
import { Heap } from "./heap.ts";
import type { PolledDevice } from "./poller.ts";

/** A group of a device, with its own beat. */
export interface Slot {
  readonly group: string;
  /** @unit ms */
  readonly every: number;
  /** When its beat counts from. @unit ms, monotonic */
  readonly origin: number;
  due: number;
  /** Whether it has been asked for yet. */
  begun: boolean;
}

/** A device on its bus. */
export interface Entry {
  readonly device: PolledDevice;
  readonly slots: readonly Slot[];
  /** Failures in a row. */
  failures: number;
  /** The last failure was that of the way to the device, which it shares with its bus. */
  wayLost: boolean;
  /** The last failure cost its bus time: the next try begins with a short question. */
  wary: boolean;
  /** Not before this, whatever is due: back-off. */
  notBefore: number;
  /** When its last read began. @unit ms, monotonic */
  served: number;
  /** Set by the schedule. */
  ready: number;
  deadline: number;
}

/** Where a device stands among those of its interval, for the phases. */
interface Seat {
  /** Among the buses. @range 0 to 1 */
  readonly bus: number;
  /** On its bus. */
  readonly index: number;
  readonly of: number;
}

/** The devices of one bus, in the order in which they are to be read. */
export class Schedule {
  /** By when they become ready. */
  readonly #waiting = new Heap<Entry>((one, other) => one.ready < other.ready);
  /** Those that are ready, by deadline. */
  readonly #ready = new Heap<Entry>(sooner);
  /** Whether some devices were lost with the way. */
  #lost = false;

  /** Lets a device wait for its next turn. */
  put(entry: Entry): void {
    entry.ready = Math.max(earliest(entry), entry.notBefore);
    this.#lost ||= entry.wayLost;
    this.#waiting.push(entry);
  }

  /** Takes out the device whose turn it is at `now`. */
  take(now: number): Entry | undefined {
    for (let next = this.#waiting.first; next !== undefined; next = this.#waiting.first) {
      if (next.ready > now) break;
      this.#waiting.pop();
      next.deadline = deadlineOf(next);
      this.#ready.push(next);
    }
    return this.#ready.pop();
  }

  /** When the next device becomes ready, after `take` gave none. @unit ms, monotonic */
  get next(): number {
    return this.#waiting.first?.ready ?? Number.POSITIVE_INFINITY;
  }

  /** The way is there again: those that were lost with it need not wait. */
  wayFound(): void {
    if (!this.#lost) return;
    this.#lost = false;
    for (const entry of this.#waiting.drain()) {
      if (entry.wayLost) entry.notBefore = 0;
      entry.wayLost = false;
      this.put(entry);
    }
  }
}

function sooner(one: Entry, other: Entry): boolean {
  if (one.deadline !== other.deadline) return one.deadline < other.deadline;
  if (one.ready !== other.ready) return one.ready < other.ready;
  if (one.served !== other.served) return one.served < other.served;
  return (one.slots[0]?.origin ?? 0) < (other.slots[0]?.origin ?? 0);
}

function earliest({ slots }: Entry): number {
  return slots.reduce((least, { due }) => Math.min(least, due), Number.POSITIVE_INFINITY);
}

function deadlineOf({ slots, ready, failures }: Entry): number {
  return slots.reduce((least, { due, every }) => {
    // What is tried again is due when its back-off ends: it has been overdue for long.
    const from = failures === 0 ? due : Math.max(due, ready);
    return due <= ready ? Math.min(least, from + every) : least;
  }, Number.POSITIVE_INFINITY);
}

/** What sums of beats may be off, of a beat. */
const rounding = 1e-6;

/**
 * Moves slots of a device on to their next beat after `now`, on their own grid.
 * @returns how many beats were left out
 */
export function nextBeat({ served }: Entry, slots: readonly Slot[], now: number): number {
  let missed = 0;
  for (const slot of slots) {
    const { every, origin, begun, due } = slot;
    if (begun) missed += Math.max(0, Math.floor((now - due) / every));
    // Half an interval after the first reading at least, one and a half at most.
    const from = begun ? now : Math.max(now, served + every / 2);
    slot.due = origin + Math.max(0, Math.ceil((from - origin) / every)) * every;
    // The beat of this very moment has been served, also where rounding put it a little off.
    if (slot.due - now <= every * rounding) slot.due += every;
    slot.begun = true;
  }
  return missed;
}

/** What is read this seldom is tried again sooner than at its next beat. @unit ms */
const longestBeat = 60_000;

/** Slots that could not be read are tried again together, at the next beat of the fastest. */
export function nextTry(entry: Entry, slots: readonly Slot[], now: number): void {
  nextBeat(entry, slots, now);
  const soonest = Math.min(now + longestBeat, ...slots.map(({ due }) => due));
  for (const slot of slots) slot.due = soonest;
}

/** So many buses keep the same phases: what is read together shares a sync of the spool. */
const sharing = 8;

/** One schedule a bus. `members` are the devices of each. */
export function schedulesOf(
  members: readonly (readonly PolledDevice[])[],
  now: number,
): readonly Schedule[] {
  const buses = new Map<number, number>();
  for (const devices of members) {
    for (const interval of new Set(devices.map((device) => device.interval))) {
      buses.set(interval, (buses.get(interval) ?? 0) + 1);
    }
  }
  const passed = new Map<number, number>();
  return members.map((devices) => {
    const schedule = new Schedule();
    for (const [interval, alike] of Map.groupBy(devices, (device) => device.interval)) {
      const before = passed.get(interval) ?? 0;
      passed.set(interval, before + 1);
      const phases = Math.ceil((buses.get(interval) ?? 1) / sharing);
      const bus = Math.floor(before / sharing) / phases;
      for (const [index, device] of alike.entries()) {
        schedule.put(entryOf(device, { bus, index, of: alike.length }, now));
      }
    }
    return schedule;
  });
}

function entryOf(device: PolledDevice, { bus, index, of }: Seat, now: number): Entry {
  const share = (index + bus) / of;
  const interval = Math.max(1, device.interval);
  const phase = interval * share;
  return {
    device,
    failures: 0,
    wayLost: false,
    wary: false,
    notBefore: 0,
    served: Number.NEGATIVE_INFINITY,
    ready: now,
    deadline: now,
    slots: device.session.groups.map(({ name, every = 0 }) => {
      // A group's own pace slows it down; it never makes a device be read more often.
      const pace = Math.max(interval, every);
      // Slow groups too are spread over their own pace, on beats of the device.
      const later = interval * Math.floor((share * (pace - interval)) / interval);
      return { group: name, every: pace, origin: now + phase + later, due: now, begun: false };
    }),
  };
}

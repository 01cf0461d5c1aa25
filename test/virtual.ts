/**
 * A platform for tests in which nothing happens by itself: time moves when a test says so, files
 * are bytes in memory, chance comes from a seed, the log keeps silent or is kept.
 */
import type { Clock, Disk, DiskFile, Entropy, Log, LogFields, Timer } from "../telemetry/index.ts";

/** Lets every promise that can settle without time or I/O settle. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** As `settle`, and lets all run out that goes on by `setImmediate`, as streams and aedes do. */
export async function settleAll(): Promise<void> {
  do await settle();
  while (process.getActiveResourcesInfo().includes("Immediate"));
}

interface Pending {
  /** Monotonic time at which it is due. */
  readonly due: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export class VirtualClock implements Clock {
  #wall: number;
  #elapsed = 0;
  #order = 0;
  /** A heap, the soonest first; what was cancelled stays until its turn. */
  readonly #heap: Pending[] = [];
  #timers = 0;
  readonly #settle: () => Promise<void>;

  constructor(start = Date.UTC(2026, 0, 1), settling = settle) {
    this.#wall = start;
    this.#settle = settling;
  }

  now(): number {
    return Math.floor(this.#wall + this.#elapsed);
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(ms: number, run: () => void): Timer {
    this.#order += 1;
    const pending: Pending = { due: this.#elapsed + Math.max(0, ms), order: this.#order, run };
    this.#push(pending);
    this.#timers += 1;
    return {
      cancel: () => {
        if (pending.run !== undefined) this.#timers -= 1;
        pending.run = undefined;
      },
    };
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#timers;
  }

  /** Moves time on, runs what becomes due in order, and lets promises settle between. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await this.#settle();
    for (let next = this.#heap[0]; next !== undefined && next.due <= end; next = this.#heap[0]) {
      this.#pop();
      const { run } = next;
      if (run === undefined) continue;
      this.#elapsed = Math.max(this.#elapsed, next.due);
      next.run = undefined;
      this.#timers -= 1;
      run();
      await this.#settle();
    }
    this.#elapsed = end;
    await this.#settle();
  }

  /** The wall clock jumps, as after a time sync; monotonic time and timers do not notice. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  #push(pending: Pending): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || sooner(above, pending)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = pending;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      const least = left !== undefined && right !== undefined && sooner(right, left) ? right : left;
      if (least === undefined || sooner(last, least)) break;
      heap[at] = least;
      at = least === left ? 2 * at + 1 : 2 * at + 2;
    }
    heap[at] = last;
  }
}

function sooner(a: Pending, b: Pending): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

/** Files as bytes in memory. `failure` is thrown by every change of a file while it is set. */
export class MemoryDisk implements Disk {
  readonly files = new Map<string, Uint8Array>();
  failure: Error | undefined;
  #capacity: number;

  constructor(capacity = 1024 ** 3) {
    this.#capacity = capacity;
  }

  list(): Promise<readonly string[]> {
    return Promise.resolve([...this.files.keys()].toSorted());
  }

  async open(name: string, size: number): Promise<DiskFile> {
    if (!this.files.has(name)) await this.replace(name, new Uint8Array(size));
    return new MemoryFile(this, name);
  }

  async remove(name: string): Promise<void> {
    await this.changed();
    this.files.delete(name);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.changed();
    this.files.set(to, this.bytesOf(from));
    this.files.delete(from);
  }

  readAll(name: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.files.get(name)?.slice());
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    await this.changed();
    this.files.set(name, bytes.slice());
  }

  free(): Promise<number> {
    const used = [...this.files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
    return Promise.resolve(Math.max(0, this.#capacity - used));
  }

  bytesOf(name: string): Uint8Array {
    const bytes = this.files.get(name);
    if (bytes === undefined) throw new Error(`no file ${name}`);
    return bytes;
  }

  /** Stands for the moment a real disk would refuse. */
  changed(): Promise<void> {
    return this.failure === undefined ? Promise.resolve() : Promise.reject(this.failure);
  }
}

class MemoryFile implements DiskFile {
  readonly #disk: MemoryDisk;
  readonly #name: string;

  constructor(disk: MemoryDisk, name: string) {
    this.#disk = disk;
    this.#name = name;
  }

  get size(): number {
    return this.#disk.bytesOf(this.#name).length;
  }

  read(position: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.#disk.bytesOf(this.#name).slice(position, position + length));
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    await this.#disk.changed();
    const old = this.#disk.bytesOf(this.#name);
    if (position + bytes.length <= old.length) {
      old.set(bytes, position);
      return;
    }
    const grown = new Uint8Array(position + bytes.length);
    grown.set(old);
    grown.set(bytes, position);
    this.#disk.files.set(this.#name, grown);
  }

  sync(): Promise<void> {
    return this.#disk.changed();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Chance from a seed (mulberry32): the same seed, the same voyage. */
export class SeededEntropy implements Entropy {
  #state: number;

  constructor(seed = 1) {
    this.#state = seed >>> 0;
  }

  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  id(): string {
    const half = (): string =>
      Math.floor(this.random() * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
    return half() + half();
  }
}

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export interface LogEntry {
  readonly level: keyof Log;
  readonly event: string;
  readonly fields: LogFields | undefined;
}

/** A log that keeps what it is told. */
export class KeptLog implements Log {
  readonly entries: LogEntry[] = [];

  debug(event: string, fields?: LogFields): void {
    this.entries.push({ level: "debug", event, fields });
  }

  info(event: string, fields?: LogFields): void {
    this.entries.push({ level: "info", event, fields });
  }

  warn(event: string, fields?: LogFields): void {
    this.entries.push({ level: "warn", event, fields });
  }

  error(event: string, fields?: LogFields): void {
    this.entries.push({ level: "error", event, fields });
  }

  /** How often an event was logged. */
  count(event: string): number {
    return this.entries.filter((entry) => entry.event === event).length;
  }
}

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

interface Pending {
  /** Monotonic time at which it is due. */
  readonly due: number;
  readonly order: number;
  readonly run: () => void;
}

export class VirtualClock implements Clock {
  #wall: number;
  #elapsed = 0;
  #order = 0;
  readonly #pending = new Set<Pending>();

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#wall = start;
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
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#pending.size;
  }

  /** Moves time on, runs what becomes due in order, and lets promises settle between. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#elapsed = Math.max(this.#elapsed, next.due);
      this.#pending.delete(next);
      next.run();
      await settle();
    }
    this.#elapsed = end;
    await settle();
  }

  /** The wall clock jumps, as after a time sync; monotonic time and timers do not notice. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  #next(end: number): Pending | undefined {
    let first: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.due > end) continue;
      const sooner = first === undefined || pending.due < first.due;
      if (sooner || (pending.due === first?.due && pending.order < first.order)) first = pending;
    }
    return first;
  }
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
    const grown = new Uint8Array(Math.max(old.length, position + bytes.length));
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

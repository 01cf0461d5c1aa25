/**
 * A disk that keeps what was synced and may lose, tear or keep the rest when the machine stops.
 * Replacing and creating files is atomic and durable, as the real one makes it with rename and
 * fsync.
 */
import type { Disk, DiskFile } from "../../telemetry/index.ts";
import type { Chance } from "./chance.ts";
import type { SimProcess } from "./process.ts";

interface Write {
  readonly position: number;
  readonly bytes: Uint8Array;
}

interface Stored {
  durable: Uint8Array<ArrayBuffer>;
  /** In order of writing; not yet synced. */
  pending: Write[];
}

/** What survives crashes; each process opens it anew. */
export class Platter {
  readonly files = new Map<string, Stored>();
  capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get used(): number {
    let sum = 0;
    for (const { durable } of this.files.values()) sum += durable.length;
    return sum;
  }

  /** The machine stops: each unsynced write is kept, lost or torn, in any combination. */
  crash(chance: Chance): void {
    for (const file of this.files.values()) {
      for (const { position, bytes } of file.pending) {
        if (chance.chance(0.4)) continue;
        const length = chance.chance(0.5) ? bytes.length : chance.whole(0, bytes.length);
        file.durable = patched(file.durable, position, bytes.subarray(0, length));
      }
      file.pending = [];
    }
  }

  /** Flips one bit of a stored segment; false when there is none. */
  rot(chance: Chance): boolean {
    const names = [...this.files.keys()].filter((name) => name.endsWith(".seg"));
    const file = this.files.get(names[chance.whole(0, names.length - 1)] ?? "");
    if (file === undefined || file.durable.length === 0) return false;
    const at = chance.whole(0, Math.min(file.durable.length, 4000) - 1);
    const byte = file.durable[at] ?? 0;
    file.durable[at] = byte ^ (1 << chance.whole(0, 7));
    return true;
  }
}

function patched(
  content: Uint8Array<ArrayBuffer>,
  position: number,
  bytes: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const end = position + bytes.length;
  const target = end <= content.length ? content : new Uint8Array(end);
  if (target !== content) target.set(content);
  target.set(bytes, position);
  return target;
}

/** The disk as one process sees it: every call takes a little virtual time. */
export class SimDisk implements Disk {
  readonly #platter: Platter;
  readonly #process: SimProcess;
  readonly #chance: Chance;

  constructor(platter: Platter, process: SimProcess, chance: Chance) {
    this.#platter = platter;
    this.#process = process;
    this.#chance = chance;
  }

  list(): Promise<readonly string[]> {
    return this.#later(() => [...this.#platter.files.keys()].toSorted());
  }

  open(name: string, size: number): Promise<DiskFile> {
    return this.#later(() => {
      const { files } = this.#platter;
      if (!files.has(name)) {
        this.#grow(size);
        files.set(name, { durable: new Uint8Array(size), pending: [] });
      }
      return this.#file(name);
    });
  }

  remove(name: string): Promise<void> {
    return this.#later(() => void this.#platter.files.delete(name));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#later(() => {
      const file = this.#platter.files.get(from);
      if (file === undefined) throw new Error(`no file ${from}`);
      this.#platter.files.delete(from);
      this.#platter.files.set(to, file);
    });
  }

  readAll(name: string): Promise<Uint8Array | undefined> {
    return this.#later(() => this.#platter.files.get(name)?.durable.slice());
  }

  replace(name: string, bytes: Uint8Array): Promise<void> {
    return this.#later(() => {
      this.#platter.files.set(name, { durable: new Uint8Array(bytes), pending: [] });
    });
  }

  free(): Promise<number> {
    return this.#later(() => this.#platter.capacity - this.#platter.used);
  }

  #grow(bytes: number): void {
    if (this.#platter.used + bytes > this.#platter.capacity) throw new Error("ENOSPC");
  }

  #file(name: string): DiskFile {
    const stored = (): Stored => {
      const file = this.#platter.files.get(name);
      if (file === undefined) throw new Error(`EBADF ${name}`);
      return file;
    };
    const later = <T>(act: () => T): Promise<T> => this.#later(act);
    const { size } = { size: stored().durable.length };
    return {
      size,
      read: (position, length) =>
        later(() => {
          const { durable, pending } = stored();
          let view = durable.slice();
          for (const write of pending) view = patched(view, write.position, write.bytes);
          return view.slice(position, position + length);
        }),
      write: (position, bytes) =>
        later(() => void stored().pending.push({ position, bytes: bytes.slice() })),
      sync: () =>
        later(() => {
          const file = stored();
          for (const { position, bytes } of file.pending) {
            file.durable = patched(file.durable, position, bytes);
          }
          file.pending = [];
        }),
      close: () => later(() => undefined),
    };
  }

  #later<T>(act: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#process.clock.after(this.#chance.chance(0.05) ? 20 : 1, () => {
      try {
        resolve(act());
      } catch (error) {
        reject(error);
      }
    });
    return promise;
  }
}

/**
 * A file system under the product's own `Folder` (cli/folder.ts). What was written is seen at once
 * and lasts over the death of a process; over a power cut lasts what was synced. Of the rest each
 * write, sector of a write, new name, rename and removal may last or not, in any combination: a
 * later one without an earlier one, also across files.
 */
import type { Files, Handle } from "../../cli/folder.ts";
import { openFolder } from "../../cli/folder.ts";
import type { Disk } from "../../telemetry/index.ts";
import type { Chance } from "./chance.ts";
import type { SimProcess } from "./process.ts";

/** What a disk writes whole or not at all. @unit bytes */
const sector = 512;
const folder = "/voyage/data";

type Bytes = Uint8Array<ArrayBuffer>;

interface Write {
  readonly position: number;
  readonly bytes: Uint8Array;
}

class Inode {
  /** As processes see it. */
  view: Bytes = new Uint8Array(0);
  /** As a power cut leaves it. */
  durable: Bytes = new Uint8Array(0);
  unsynced: Write[] = [];

  write(position: number, bytes: Uint8Array): void {
    this.view = patched(this.view, position, bytes);
    this.unsynced.push({ position, bytes: bytes.slice() });
  }

  sync(): void {
    for (const { position, bytes } of this.unsynced) {
      this.durable = patched(this.durable, position, bytes);
    }
    this.unsynced = [];
  }

  /** The disk took of the unsynced what chance lets it take. */
  scatter(chance: Chance): void {
    for (const { position, bytes } of this.unsynced) {
      const fate = chance.random();
      if (fate < 0.4) this.durable = patched(this.durable, position, bytes);
      else if (fate < 0.7) this.#tear(position, bytes, chance);
    }
    this.unsynced = [];
  }

  #tear(position: number, bytes: Uint8Array, chance: Chance): void {
    for (let from = 0; from < bytes.length;) {
      const to = Math.min(bytes.length, from + sector - ((position + from) % sector));
      if (chance.chance(0.5)) {
        this.durable = patched(this.durable, position + from, bytes.subarray(from, to));
      }
      from = to;
    }
  }
}

function patched(content: Bytes, position: number, bytes: Uint8Array): Bytes {
  const end = position + bytes.length;
  const target = end <= content.length ? content : new Uint8Array(end);
  if (target !== content) target.set(content);
  target.set(bytes, position);
  return target;
}

type Names = Map<string, Inode>;

/** What survives processes; each opens it anew. */
export class Platter {
  /** As processes see them. */
  files: Names = new Map();
  #durable: Names = new Map();
  /** Changes of names since the folder was synced. */
  #unsynced: ((names: Names) => void)[] = [];
  /** Whether the folder's own name is there for processes, and after a power cut. */
  #made: "no" | "unsynced" | "yes" = "no";
  /** @unit bytes */
  capacity: number;
  /** How often a sync fails, and what was written is then written or not. */
  syncFailure = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get used(): number {
    let sum = 0;
    for (const { view } of this.files.values()) sum += view.length;
    return sum;
  }

  get room(): number {
    return Math.max(0, this.capacity - this.used);
  }

  /** Bytes of files with this ending. */
  bytesOf(ending: string): number {
    let sum = 0;
    for (const [name, { view }] of this.files) if (name.endsWith(ending)) sum += view.length;
    return sum;
  }

  make(): void {
    if (this.#made === "no") this.#made = "unsynced";
  }

  change(change: (names: Names) => void): void {
    change(this.files);
    this.#unsynced.push(change);
  }

  syncNames(): void {
    for (const change of this.#unsynced) change(this.#durable);
    this.#unsynced = [];
  }

  syncParent(): void {
    if (this.#made === "unsynced") this.#made = "yes";
  }

  powerCut(chance: Chance): void {
    for (const inode of new Set([...this.files.values(), ...this.#durable.values()])) {
      inode.scatter(chance);
    }
    for (const change of this.#unsynced) if (chance.chance(0.5)) change(this.#durable);
    this.#unsynced = [];
    if (this.#made === "unsynced" && chance.chance(0.5)) {
      this.#durable.clear();
      this.#made = "no";
    } else if (this.#made === "unsynced") this.#made = "yes";
    for (const inode of this.#durable.values()) inode.view = inode.durable.slice();
    this.files = new Map(this.#durable);
  }

  /** Flips one bit of a stored file with this ending; false when there is none. */
  rot(ending: string, chance: Chance): boolean {
    const names = [...this.files.keys()].filter((name) => name.endsWith(ending));
    const inode = this.files.get(names[chance.whole(0, names.length - 1)] ?? "");
    if (inode === undefined || inode.view.length === 0) return false;
    inode.sync();
    const at = chance.whole(0, Math.min(inode.view.length, 4000) - 1);
    const byte = (inode.view[at] ?? 0) ^ (1 << chance.whole(0, 7));
    inode.view[at] = byte;
    inode.durable[at] = byte;
    return true;
  }
}

/** A mistake to be found: a disk that does not sync, or makes files too large. */
export type DiskFlaw = "sync" | "size" | undefined;

/** The product's folder over this platter, for one process. */
export function openDisk(platter: Platter, parts: DiskParts): Promise<Disk> {
  return openFolder(folder, new SimFiles(platter, parts));
}

export interface DiskParts {
  readonly process: SimProcess;
  readonly chance: Chance;
  readonly flaw?: DiskFlaw;
}

class SimFiles implements Files {
  readonly #platter: Platter;
  readonly #process: SimProcess;
  readonly #chance: Chance;
  readonly #flaw: DiskFlaw;

  constructor(platter: Platter, { process, chance, flaw }: DiskParts) {
    this.#platter = platter;
    this.#process = process;
    this.#chance = chance;
    this.#flaw = flaw;
  }

  mkdir(): Promise<void> {
    return this.#call(() => this.#platter.make());
  }

  readdir(): Promise<readonly string[]> {
    return this.#call(() => [...this.#platter.files.keys()]);
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.#call(() => this.#inode(path).view.slice());
  }

  stat(path: string): Promise<{ readonly size: number }> {
    return this.#call(() => ({ size: this.#inode(path).view.length }));
  }

  statfs(): Promise<{ readonly bavail: number; readonly bsize: number }> {
    return this.#call(() => ({ bavail: this.#platter.room, bsize: 1 }));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call(() => {
      const inode = this.#inode(from);
      this.#platter.change((names) => {
        if (names.get(nameOf(from)) === inode) names.delete(nameOf(from));
        names.set(nameOf(to), inode);
      });
    });
  }

  rm(path: string): Promise<void> {
    const name = nameOf(path);
    return this.#call(() => {
      if (this.#platter.files.has(name)) this.#platter.change((names) => void names.delete(name));
    });
  }

  open(path: string, flags: string): Promise<Handle> {
    if (!path.startsWith(`${folder}/`)) return this.#call(() => this.#folder(path === folder));
    return this.#call(() => {
      if (flags.startsWith("r")) return this.#handle(this.#inode(path));
      // A new inode also where the name is taken: truncated content is nobody's any more.
      const inode = new Inode();
      this.#platter.change((names) => void names.set(nameOf(path), inode));
      return this.#handle(inode);
    });
  }

  #inode(path: string): Inode {
    return this.#platter.files.get(nameOf(path)) ?? failed("ENOENT");
  }

  #folder(inside: boolean): Handle {
    const sync = (): Promise<void> =>
      this.#slow(() => (inside ? this.#platter.syncNames() : this.#platter.syncParent()));
    const never = (): never => failed("EISDIR");
    return { read: never, write: never, sync, datasync: sync, close: () => this.#call(nothing) };
  }

  #handle(inode: Inode): Handle {
    const sync = (): Promise<void> => this.#slow(() => this.#sync(inode));
    return {
      read: (target, offset, length, position) =>
        this.#call(() => {
          const bytes = inode.view.subarray(position, position + length);
          target.set(bytes, offset);
          return { bytesRead: bytes.length };
        }),
      write: (bytes, offset, length, position) =>
        this.#call(() => {
          const grows = Math.max(0, position + length - inode.view.length);
          const taken = length - Math.max(0, grows - this.#platter.room);
          if (length > 0 && taken <= 0) failed("ENOSPC");
          const spare = this.#flaw === "size" && length > sector ? length : 0;
          const part = bytes.subarray(offset, offset + taken);
          inode.write(position, part);
          if (spare > 0) inode.write(position + taken, new Uint8Array(spare));
          return { bytesWritten: taken };
        }),
      sync,
      datasync: sync,
      close: () => this.#call(nothing),
    };
  }

  #sync(inode: Inode): void {
    if (this.#chance.chance(this.#platter.syncFailure)) {
      // Linux then calls the pages clean, whatever became of them.
      inode.scatter(this.#chance);
      failed("EIO");
    }
    if (this.#flaw !== "sync") inode.sync();
  }

  #call<T>(act: () => T): Promise<T> {
    return this.#process.call(0, act);
  }

  #slow<T>(act: () => T): Promise<T> {
    return this.#process.call(this.#chance.chance(0.05) ? 20 : 1, act);
  }
}

function nothing(): void {
  // A handle closes by itself with its process.
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function failed(code: "ENOENT" | "ENOSPC" | "EIO" | "EISDIR"): never {
  throw Object.assign(new Error(code), { code });
}

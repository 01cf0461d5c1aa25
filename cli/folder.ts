/**
 * A folder of the real disk as a `Disk`: files come, change their name and are replaced so that a
 * power cut leaves the old or the new. The file system below is a parameter, so that the voyage
 * runs this very code over one that loses, tears and reorders what was not synced.
 */
import * as nodeFiles from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { whyUnreadable } from "../config/index.ts";
import type { Disk, DiskFile } from "../telemetry/index.ts";
import { GatewayError, systemCode } from "../telemetry/index.ts";

/** What is used of an open file or folder (`FileHandle` of node:fs/promises). */
export interface Handle {
  read(
    target: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  /** May take a part: a nearly full disk does. */
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  sync(): Promise<void>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** What is used of node:fs/promises. */
export interface Files {
  mkdir(path: string, options: { readonly recursive: true }): Promise<unknown>;
  open(path: string, flags: "r" | "r+" | "w" | "w+", mode?: number): Promise<Handle>;
  readdir(path: string): Promise<readonly string[]>;
  readFile(path: string): Promise<Uint8Array>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { readonly force: true }): Promise<void>;
  stat(path: string): Promise<{ readonly size: number }>;
  statfs(path: string): Promise<{ readonly bavail: number; readonly bsize: number }>;
}

/**
 * A folder as a `Disk`, created when it is not there; files that a crash left half made are
 * removed. @throws E_SPOOL_WRITE
 */
export function openFolder(folder: string, files: Files = nodeFiles): Promise<Disk> {
  return madeFolder(folder, files, async () => {
    for (const name of await files.readdir(folder)) {
      if (name.endsWith(unfinished)) await files.rm(join(folder, name), { force: true });
    }
  });
}

/**
 * The same for a folder in which another process may be at work: nothing in it is removed.
 * @throws E_SPOOL_WRITE
 */
export function shareFolder(folder: string, files: Files = nodeFiles): Promise<Disk> {
  return madeFolder(folder, files, () => Promise.resolve());
}

async function madeFolder(folder: string, files: Files, tidy: () => Promise<void>): Promise<Disk> {
  try {
    await files.mkdir(folder, { recursive: true });
    await syncAbove(resolve(folder), files);
    await tidy();
  } catch (cause) {
    throw new GatewayError("E_SPOOL_WRITE", `${folder}: ${whyUnreadable(cause)}`, { cause });
  }
  return new Folder(folder, files);
}

/**
 * A folder is there after a power cut only when the one above it was synced since it was made, by
 * this start or by one that died before it came to that. What may not be read stays as it is.
 */
async function syncAbove(path: string, files: Files): Promise<void> {
  const parent = dirname(path);
  await syncFolder(parent, files).catch(() => undefined);
  if (parent !== path) await syncAbove(parent, files);
}

/** Makes names durable, not only contents. */
async function syncFolder(path: string, files: Files): Promise<void> {
  const folder = await files.open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Files are made under this ending and then renamed. */
const unfinished = ".new";

class Folder implements Disk {
  readonly #path: string;
  readonly #files: Files;

  constructor(path: string, files: Files) {
    this.#path = path;
    this.#files = files;
  }

  async list(): Promise<readonly string[]> {
    return (await this.#files.readdir(this.#path)).toSorted();
  }

  async open(name: string, size: number): Promise<DiskFile> {
    const path = join(this.#path, name);
    const existing = await this.#files.stat(path).catch(absent);
    if (existing !== undefined) {
      return new RealFile(await this.#files.open(path, "r+"), existing.size);
    }
    // Made whole under another name: a crash never leaves a segment of half its size.
    const file = await this.#make(path, (handle) => writeZeros(handle, size));
    return new RealFile(file, size);
  }

  async remove(name: string): Promise<void> {
    await this.#files.rm(join(this.#path, name), { force: true });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#files.rename(join(this.#path, from), join(this.#path, to));
    await syncFolder(this.#path, this.#files);
  }

  async readAll(name: string): Promise<Uint8Array | undefined> {
    return this.#files.readFile(join(this.#path, name)).catch(absent);
  }

  async replace(name: string, bytes: Uint8Array, { secret } = { secret: false }): Promise<void> {
    const fill = (handle: Handle): Promise<void> => writeAll(handle, 0, bytes);
    const file = await this.#make(join(this.#path, name), fill, secret ? 0o600 : undefined);
    await file.close();
  }

  async free(): Promise<number> {
    const { bavail, bsize } = await this.#files.statfs(this.#path);
    return bavail * bsize;
  }

  /** Fills a file under another name, makes it durable, then gives it its own; the name too. */
  async #make(
    path: string,
    fill: (handle: Handle) => Promise<void>,
    mode?: number,
  ): Promise<Handle> {
    const temporary = `${path}${unfinished}`;
    // One that a crash left has the mode that it was made with.
    if (mode !== undefined) await this.#files.rm(temporary, { force: true });
    const file = await this.#files.open(temporary, "w+", mode);
    try {
      await fill(file);
      await file.sync();
      await this.#files.rename(temporary, path);
      await syncFolder(this.#path, this.#files);
      return file;
    } catch (error) {
      await file.close();
      // What a full disk left half written would keep it full.
      await this.#files.rm(temporary, { force: true });
      throw error;
    }
  }
}

/**
 * A folder as a `Disk` that is only read: nothing is created, renamed, removed or locked. All its
 * calls: @throws E_SPOOL_UNREADABLE
 */
export function readFolder(folder: string): Disk {
  const unreadable = (cause: unknown): never => {
    // What is not there is for the caller to judge.
    if (systemCode(cause) === "ENOENT") throw cause;
    throw new GatewayError("E_SPOOL_UNREADABLE", `${folder}: ${whyUnreadable(cause)}`, { cause });
  };
  const only = (): never => {
    throw new GatewayError("E_BUG", `${folder} is only to be read`);
  };
  return {
    list: async () => (await nodeFiles.readdir(folder).catch(unreadable)).toSorted(),
    open: async (name) => {
      const file = await nodeFiles.open(join(folder, name), "r").catch(unreadable);
      return new RealFile(file, (await file.stat()).size);
    },
    readAll: (name) => nodeFiles.readFile(join(folder, name)).catch(unreadable).catch(absent),
    remove: only,
    rename: only,
    replace: only,
    free: only,
  };
}

function absent(error: unknown): undefined {
  if (systemCode(error) !== "ENOENT") throw error;
  return undefined;
}

const zeros = Buffer.alloc(1024 * 1024);

async function writeZeros(file: Handle, size: number): Promise<void> {
  for (let at = 0; at < size; at += zeros.length) {
    await writeAll(file, at, zeros.subarray(0, Math.min(zeros.length, size - at)));
  }
}

/** A nearly full disk takes a part without an error; the error comes with the rest. */
async function writeAll(file: Handle, position: number, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const rest = bytes.length - written;
    const { bytesWritten } = await file.write(bytes, written, rest, position + written);
    written += bytesWritten;
  }
}

class RealFile implements DiskFile {
  readonly #file: Handle;
  size: number;

  constructor(file: Handle, size: number) {
    this.#file = file;
    this.size = size;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const target = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.size - position)));
    const { bytesRead } = await this.#file.read(target, 0, target.length, position);
    return target.subarray(0, bytesRead);
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    await writeAll(this.#file, position, bytes);
    this.size = Math.max(this.size, position + bytes.length);
  }

  sync(): Promise<void> {
    return this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

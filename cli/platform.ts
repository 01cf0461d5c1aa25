/**
 * The real world: clock, entropy, disk, log. The only file that touches them; all else gets them
 * as parameters. The only door to pino.
 */
import { randomBytes, createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { join, resolve } from "node:path";
import { styleText } from "node:util";
import { pino } from "pino";
import { whyUnreadable } from "../config/index.ts";
import type { Clock, Disk, DiskFile, Entropy, Log, LogFields } from "../telemetry/index.ts";
import { GatewayError, isRecord, systemCode } from "../telemetry/index.ts";

export const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    let timer: NodeJS.Timeout;
    // Node runs a timer of more than 2^31 ms at once, so that a long wait is made of several.
    const wait = (left: number): void => {
      if (left <= longestTimer) timer = setTimeout(run, left);
      else timer = setTimeout(() => wait(left - longestTimer), longestTimer);
    };
    wait(ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** @unit ms */
const longestTimer = 2 ** 31 - 1;

export const entropy: Entropy = {
  id: () => randomBytes(8).toString("hex"),
  random: () => Math.random(),
};

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** JSON lines on standard error; on a terminal, lines for people. */
export function openLog(level: LogLevel): Log {
  const terminal = process.stderr.isTTY;
  const stream = {
    write: (line: string): void => void process.stderr.write(terminal ? humanLine(line) : line),
  };
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: ["password", "token", "secret"],
    },
    stream,
  );
  const at = (name: LogLevel) => (event: string, fields?: LogFields) =>
    log[name](fields ?? {}, event);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function humanLine(line: string): string {
  const entry: unknown = JSON.parse(line);
  if (!isRecord(entry)) return line;
  const { level, time, msg, ...rest } = entry;
  const fields = Object.entries(rest).map(([key, value]) => `${key}=${String(value)}`);
  const colour = level === "error" ? "red" : level === "warn" ? "yellow" : "gray";
  const head = `${String(time).slice(11, 19)} ${styleText(colour, String(level))} ${String(msg)}`;
  return `${head}${fields.length > 0 ? ` ${styleText("dim", fields.join(" "))}` : ""}\n`;
}

/** Resident memory and the 99th percentile of event-loop delay since the last call. */
export function openVitals(): () => { readonly rss: number; readonly loopDelay: number } {
  const histogram = monitorEventLoopDelay({ resolution: 10 });
  histogram.enable();
  return () => {
    const loopDelay = Math.max(0, histogram.percentile(99) / 1e6 - 10);
    histogram.reset();
    return {
      rss: process.memoryUsage.rss(),
      loopDelay: Number.isFinite(loopDelay) ? loopDelay : 0,
    };
  };
}

/**
 * Holds a folder for this process alone until it ends, however it ends: the kernel frees an
 * abstract socket with the process. Elsewhere than on Linux there is no such lock.
 * @throws E_SPOOL_LOCKED
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  if (process.platform !== "linux") return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const name = createHash("sha256").update(resolve(folder)).digest("hex").slice(0, 32);
  const server = createServer();
  await new Promise<void>((done, refused) => {
    server.once("error", (cause) => {
      const why = `${folder} is in use already; each agent and each hub has a folder of its own`;
      refused(new GatewayError("E_SPOOL_LOCKED", why, { cause }));
    });
    server.listen(`\0rackstreet-${name}`, done);
  });
  server.unref();
  return {
    [Symbol.asyncDispose]: () => new Promise((done) => void server.close(() => done())),
  };
}

/**
 * A folder as a `Disk`, created when it is not there; files that a crash left half made are
 * removed. @throws E_SPOOL_WRITE
 */
export async function openFolder(folder: string): Promise<Disk> {
  const shared = await shareFolder(folder);
  for (const name of await shared.list()) {
    if (name.endsWith(unfinished)) await shared.remove(name);
  }
  return shared;
}

/**
 * The same for a folder in which another process may be at work: nothing in it is removed.
 * @throws E_SPOOL_WRITE
 */
export async function shareFolder(folder: string): Promise<Disk> {
  try {
    await mkdir(folder, { recursive: true });
    await readdir(folder);
  } catch (cause) {
    throw new GatewayError("E_SPOOL_WRITE", `${folder}: ${whyUnreadable(cause)}`, { cause });
  }
  return new Folder(folder);
}

/** Files are made under this ending and then renamed. */
const unfinished = ".new";

class Folder implements Disk {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async list(): Promise<readonly string[]> {
    return (await readdir(this.#path)).toSorted();
  }

  async open(name: string, size: number): Promise<DiskFile> {
    const path = join(this.#path, name);
    const existing = await stat(path).catch(absent);
    if (existing !== undefined) return new RealFile(await open(path, "r+"), existing.size);
    // Made whole under another name: a crash never leaves a segment of half its size.
    const temporary = `${path}${unfinished}`;
    const file = await open(temporary, "w+");
    try {
      await writeZeros(file, size);
      await file.sync();
      await rename(temporary, path);
      await this.#sync();
    } catch (error) {
      await file.close();
      await rm(temporary, { force: true });
      throw error;
    }
    return new RealFile(file, size);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#path, name), { force: true });
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(join(this.#path, from), join(this.#path, to));
    await this.#sync();
  }

  async readAll(name: string): Promise<Uint8Array | undefined> {
    return readFile(join(this.#path, name)).catch(absent);
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.#path, name);
    const file = await open(`${path}${unfinished}`, "w");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}${unfinished}`, path);
    await this.#sync();
  }

  async free(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#path);
    return bavail * bsize;
  }

  /** Makes names durable, not only contents. */
  async #sync(): Promise<void> {
    const folder = await open(this.#path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

function absent(error: unknown): undefined {
  if (systemCode(error) !== "ENOENT") throw error;
  return undefined;
}

const zeros = Buffer.alloc(1024 * 1024);

async function writeZeros(file: FileHandle, size: number): Promise<void> {
  for (let at = 0; at < size; at += zeros.length) {
    await writeAll(file, at, zeros.subarray(0, Math.min(zeros.length, size - at)));
  }
}

/** A nearly full disk takes a part without an error; the error comes with the rest. */
async function writeAll(file: FileHandle, position: number, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const rest = bytes.length - written;
    const { bytesWritten } = await file.write(bytes, written, rest, position + written);
    written += bytesWritten;
  }
}

class RealFile implements DiskFile {
  readonly #file: FileHandle;
  size: number;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const target = Buffer.alloc(Math.max(0, Math.min(length, this.size - position)));
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

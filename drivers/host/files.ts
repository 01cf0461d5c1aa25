/**
 * The small text files in which Linux shows itself (/proc, /sys), read strictly, and the space of
 * its file systems. The door to node:fs for this driver. What is not there is simply absent; what
 * is there but cannot be read or understood is a fault of that file alone, told when it begins and
 * not again until it has worked in between (energy counters that need root must not fill the log
 * of an ordinary user).
 *
 * A file that hangs (a sensor behind a stuck bus, a file system whose disk or server is gone) holds
 * a thread that nobody can free: two lanes leave threads for the rest of the process, and what
 * still hangs from a reading that was given up is not asked again until it answers. Where as many
 * hang as a lane is wide, nothing more is read until one answers.
 *
 * Limits: `maxBytes` a file, `maxTroubles` files remembered as faulty, `width` files at once.
 */
import { open, readdir, readlink, statfs } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Code, Fault } from "../../telemetry/index.ts";
import { systemCode } from "../../telemetry/index.ts";
import { Lane } from "./lane.ts";

/** /proc/self/mountinfo has about 200 bytes a mount, /proc/stat 60 bytes a core. */
const maxBytes = 1024 * 1024;
const maxTroubles = 1000;

/** Of Node's four file threads; one more is for what may hang. */
const width = 2;

/** An attribute of /sys is one page at most and comes whole in one read (sysfs.rst). */
const page = 4096;
/** Files of /proc are longer and come in pieces. */
const piece = 32 * 1024;

/**
 * Not there, gone meanwhile, or without a value now (an interface that is down has no speed, a
 * kernel without pressure stall information says so when it is read): no reason to complain.
 */
const absent = /^(ENOENT|ENOTDIR|ENODEV|ENXIO|ESRCH|ENODATA|EINVAL|EOPNOTSUPP|ENOTSUP|EAGAIN)$/;

/** A value and the text it was read from. */
export interface Parsed<T> {
  readonly value: T;
  readonly raw: string;
}

/** What a file system says of itself (statfs(2)). */
export interface Space {
  /** @unit bytes */
  readonly block: number;
  readonly blocks: number;
  readonly free: number;
  /** Free for those who are not root. */
  readonly available: number;
  readonly files: number;
  readonly filesFree: number;
}

export class HostFiles {
  readonly root: string;
  readonly #lane = new Lane(width);
  /** For what may hang: one thread, and no more. */
  readonly #slowLane = new Lane(1);
  /** What is being read; only what hangs stays longer than a reading. */
  readonly #underWay = new Set<string>();
  readonly #troubles = new Set<string>();
  #faults: Fault[] = [];
  #givenUp: PromiseWithResolvers<undefined> | undefined;

  constructor(root: string) {
    this.root = root;
  }

  /** What `parse` makes of a file; undefined when it is absent or (a fault) makes no sense. */
  async read<T>(
    path: string,
    parse: (text: string) => T | undefined,
  ): Promise<Parsed<T> | undefined> {
    return this.#guarded(path, this.#lane, async () => {
      const text = await this.#text(path);
      const value = parse(text);
      return value === undefined ? undefined : { value, raw: text.trim() };
    });
  }

  /**
   * The space of the file system that holds a path.
   * @param remote it may hang: it waits for its kind alone
   */
  async space(path: string, remote: boolean): Promise<Space | undefined> {
    return this.#guarded(path, remote ? this.#slowLane : this.#lane, async () => {
      const found = await statfs(join(this.root, path));
      return {
        block: found.bsize,
        blocks: found.blocks,
        free: found.bfree,
        available: found.bavail,
        files: found.files,
        filesFree: found.ffree,
      };
    });
  }

  /** Names in a folder in human order (`temp2` before `temp10`); empty when there is none. */
  async list(path: string): Promise<string[]> {
    const names = await this.#unlessGivenUp(() =>
      this.#lane.run(() => readdir(join(this.root, path))).catch(() => undefined),
    );
    return (names ?? []).toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
  }

  /** The last name a symbolic link points to, or undefined when it is none. */
  async link(path: string): Promise<string | undefined> {
    const target = await this.#unlessGivenUp(() =>
      this.#lane.run(() => readlink(join(this.root, path))).catch(() => undefined),
    );
    return target === undefined ? undefined : basename(target);
  }

  /** The faults since the last call, by path: files are read side by side. */
  takeFaults(): Fault[] {
    const faults = this.#faults.toSorted((a, b) => (a.at < b.at ? -1 : 1));
    this.#faults = [];
    return faults;
  }

  /** Notes that something does not work, unless that is known; gives nothing. */
  trouble(at: string, code: Code = "E_HOST_SENSOR"): undefined {
    if (this.#troubles.has(at) || this.#troubles.size >= maxTroubles) return;
    this.#troubles.add(at);
    this.#faults.push({ code, at });
  }

  /** Notes that it works. */
  fine(at: string): void {
    this.#troubles.delete(at);
  }

  /** A reading begins: what it asks for is waited for until it is given up. */
  begin(): void {
    this.#givenUp = Promise.withResolvers();
  }

  /**
   * Lets go who waits for a file, with nothing in hand, now and until the next reading begins. What
   * has begun ends when it does.
   */
  giveUp(): void {
    this.#givenUp?.resolve(undefined);
    this.#givenUp = undefined;
    this.#lane.clear();
    this.#slowLane.clear();
  }

  async #unlessGivenUp<T>(job: () => Promise<T | undefined>): Promise<T | undefined> {
    const given = this.#givenUp;
    return given === undefined ? undefined : Promise.race([job(), given.promise]);
  }

  #guarded<T>(path: string, lane: Lane, job: () => Promise<T | undefined>): Promise<T | undefined> {
    return this.#unlessGivenUp(() => this.#once(path, lane, job));
  }

  async #once<T>(
    path: string,
    lane: Lane,
    job: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    if (this.#underWay.has(path)) return this.trouble(path);
    this.#underWay.add(path);
    try {
      const result = await lane.run(async () => ({ value: await job() }));
      if (result === undefined) return undefined;
      if (result.value === undefined) return this.trouble(path);
      this.fine(path);
      return result.value;
    } catch (error) {
      return absent.test(systemCode(error) ?? "") ? undefined : this.trouble(path);
    } finally {
      this.#underWay.delete(path);
    }
  }

  /** Files of /proc and /sys have no length of their own: read until the end, within bounds. */
  async #text(path: string): Promise<string> {
    await using file = await open(join(this.root, path), "r");
    const inPieces = path.startsWith("/proc/");
    const bytes = Buffer.allocUnsafe(inPieces ? piece : page);
    let text = "";
    while (text.length < maxBytes) {
      const { bytesRead } = await file.read(bytes, 0, bytes.length, null);
      text += bytes.toString("latin1", 0, bytesRead);
      if (bytesRead === 0 || (!inPieces && bytesRead < page)) break;
    }
    return text;
  }
}

/** A whole number alone in a file, as the kernel writes it. */
export function wholeNumber(text: string): number | undefined {
  if (!/^-?\d{1,19}\n?$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** A whole number that counts something. */
export function countOf(text: string): number | undefined {
  const value = wholeNumber(text);
  return value === undefined || value < 0 ? undefined : value;
}

/** A name alone in a file, cut down to what is safe in a tag: a-z, 0-9, _ and -. */
export function safeName(text: string): string | undefined {
  const name = text
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, "-");
  return name === "" || name.length > 64 ? undefined : name;
}

/** The names as they are, a number behind those that were there before: `fan`, `fan-2`. */
export function uniqueNames(): (name: string) => string {
  const taken = new Set<string>();
  return (name) => {
    let unique = name;
    for (let nth = 2; taken.has(unique); nth += 1) unique = `${name}-${nth}`;
    taken.add(unique);
    return unique;
  };
}

/** A share of a whole in per cent, to two digits. */
export function percent(part: number, whole: number): number {
  return Math.round((part / whole) * 1e4) / 100;
}

/**
 * The small text files in which Linux shows itself (/proc, /sys), read strictly. The door to
 * node:fs for this driver. What is not there is simply absent; what is there but cannot be read or
 * understood is a fault of that file alone, told when it begins and not again until it has
 * worked in between (energy counters that need root must not fill the log of an ordinary user).
 *
 * Limits: `maxBytes` a file, `maxTroubles` files remembered as faulty.
 */
import { open, readdir, readlink } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Fault } from "../../telemetry/index.ts";
import { systemCode } from "../../telemetry/index.ts";

/** /proc/stat, the longest of them, has about 60 bytes a core and 2 an interrupt line. */
const maxBytes = 256 * 1024;
const maxTroubles = 1000;

/** Not there, gone meanwhile, or a sensor that has no value now: no reason to complain. */
const absent: ReadonlySet<unknown> = new Set(["ENOENT", "ENOTDIR", "ENODEV", "ENXIO", "ENODATA"]);

/** A value and the text it was read from. */
export interface Parsed<T> {
  readonly value: T;
  readonly raw: string;
}

export class HostFiles {
  readonly #root: string;
  readonly #troubles = new Set<string>();
  #faults: Fault[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  /** What `parse` makes of a file; undefined when it is absent or (a fault) makes no sense. */
  async read<T>(
    path: string,
    parse: (text: string) => T | undefined,
  ): Promise<Parsed<T> | undefined> {
    try {
      const text = await this.#text(path);
      const value = parse(text);
      if (value === undefined) return this.#trouble(path);
      this.#troubles.delete(path);
      return { value, raw: text.trim() };
    } catch (error) {
      return absent.has(systemCode(error)) ? undefined : this.#trouble(path);
    }
  }

  /** Names in a folder in human order (`temp2` before `temp10`); empty when there is none. */
  async list(path: string): Promise<string[]> {
    const names = await readdir(join(this.#root, path)).catch(() => []);
    return names.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
  }

  /** The last name a symbolic link points to, or undefined when it is none. */
  async link(path: string): Promise<string | undefined> {
    const target = await readlink(join(this.#root, path)).catch(() => undefined);
    return target === undefined ? undefined : basename(target);
  }

  /** The faults since the last call, by path: files are read side by side. */
  takeFaults(): Fault[] {
    const faults = this.#faults.toSorted((a, b) => (a.at < b.at ? -1 : 1));
    this.#faults = [];
    return faults;
  }

  #trouble(path: string): undefined {
    if (this.#troubles.has(path) || this.#troubles.size >= maxTroubles) return;
    this.#troubles.add(path);
    this.#faults.push({ code: "E_HOST_SENSOR", at: path });
  }

  /** Files of /proc and /sys have no length of their own: read until the end, within bounds. */
  async #text(path: string): Promise<string> {
    await using file = await open(join(this.#root, path), "r");
    const bytes = Buffer.alloc(4096);
    let text = "";
    while (text.length < maxBytes) {
      const { bytesRead } = await file.read(bytes, 0, bytes.length, null);
      if (bytesRead === 0) break;
      text += bytes.toString("latin1", 0, bytesRead);
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

/** A name alone in a file, cut down to what is safe in a tag: a-z, 0-9, _ and -. */
export function safeName(text: string): string | undefined {
  const name = text
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, "-");
  return name === "" || name.length > 64 ? undefined : name;
}

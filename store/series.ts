/**
 * What identifies a row besides its time: a measurement and tags, cleaned of what line protocol
 * cannot carry, so that every engine holds and answers the same names.
 */
import type { Line, Tags } from "../telemetry/index.ts";
import { channelTagOf, placeTags } from "../telemetry/index.ts";

/** Longest measurement, tag name or tag value. @unit characters */
export const maxName = 256;

/** InfluxDB 1 refuses the first as a tag; the others are its own names in later generations. */
const reservedTags: ReadonlySet<string> = new Set(["time", "_field", "_measurement"]);

const control = /\p{Cc}/gu;
const foreign = /[\p{Cc}\p{Cs}]/u;

/** A text without control characters (they become spaces) and without half surrogates. */
export function cleanText(text: string): string {
  return foreign.test(text) ? text.toWellFormed().replace(control, " ") : text;
}

/**
 * A name or tag value that line protocol can carry: a clean text in which a backslash never
 * stands before a comma, an equals sign, a space or the end, where parsers disagree about it.
 */
export function cleanName(text: string): string {
  const clean = cleanText(text);
  if (!clean.includes("\\")) return clean;
  return clean.replace(/\\+(?=[,= ]|$)/g, (run) => "/".repeat(run.length));
}

/** A measurement's name as the engines hold it: a clean name that is no comment line. */
export function cleanMeasurement(name: string): string {
  const clean = cleanName(name);
  return clean.startsWith("#") ? `_${clean.slice(1)}` : clean;
}

/** What identifies a row besides its time. */
export interface Series {
  readonly measurement: string;
  /** Clean, in the register's order, none of them empty. */
  readonly tags: Tags;
}

/** The clean series of a line, or the reason why no store may have it. */
export function seriesOf(line: Line): Series | string {
  const measurement = cleanMeasurement(line.measurement);
  if (measurement === "" || measurement.length > maxName) {
    return `a measurement's name has 1 to ${maxName} characters`;
  }
  const tags: [string, string][] = [];
  for (const name of orderedTags(line)) {
    const value = line.tags[name];
    if (typeof value !== "string") return `tag ${name} must be a text`;
    if (value === "") continue;
    const clean = cleanName(name);
    if (clean === "" || reservedTags.has(clean)) return `a tag may not be called "${clean}"`;
    if (clean.length > maxName || value.length > maxName) {
      return `tag ${clean.slice(0, maxName)} is longer than ${maxName} characters`;
    }
    if (tags.some(([other]) => other === clean)) return `two tags are called "${clean}"`;
    tags.push([clean, cleanName(value)]);
  }
  // Not by assignment: a tag may be called `__proto__`.
  return { measurement, tags: Object.fromEntries(tags) };
}

/** InfluxDB 3 sorts a table by the order of its first line's tags: place before channel. */
function orderedTags(line: Line): string[] {
  const channel = channelTagOf(line.measurement);
  const names = Object.keys(line.tags).toSorted();
  const rank = (name: string): number => {
    const place = placeTags.findIndex((tag) => tag === name);
    if (place >= 0) return place;
    return name === channel ? placeTags.length : placeTags.length + 1;
  };
  return names.toSorted((a, b) => rank(a) - rank(b));
}

interface Known<T> {
  readonly measurement: string;
  readonly tags: Tags;
  readonly tagCount: number;
  readonly value: T;
}

/** Series of a device and channel; one more of them starts their list anew: no search is long. */
const bucketLimit = 32;

/**
 * Remembers something for each series met. A caller that always gives the same object for the
 * same tags is answered at once; else device and channel, which nearly always name one series,
 * lead to a few that are compared in full: cheaper than a text of all tags for each line.
 */
export class SeriesCache<T> {
  readonly #limit: number;
  readonly #exact = new Map<Tags, Known<T>>();
  readonly #devices = new Map<string | undefined, Map<string | undefined, Known<T>[]>>();
  #size = 0;

  /** @param limit how many are remembered; past it all are forgotten. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  get full(): boolean {
    return this.#size >= this.#limit;
  }

  get(line: Line): T | undefined {
    const exact = this.#exact.get(line.tags);
    if (exact?.measurement === line.measurement) return exact.value;
    const bucket = this.#devices.get(line.tags["device"])?.get(channelOf(line));
    return bucket?.find((known) => isSame(known, line))?.value;
  }

  set(line: Line, value: T): void {
    if (this.full) this.clear();
    const { measurement, tags } = line;
    const known = { measurement, tags, tagCount: Object.keys(tags).length, value };
    this.#exact.set(tags, known);
    const device = tags["device"];
    const channels = this.#devices.get(device) ?? new Map<string | undefined, Known<T>[]>();
    this.#devices.set(device, channels);
    const channel = channelOf(line);
    const bucket = channels.get(channel);
    if (bucket === undefined || bucket.length >= bucketLimit) channels.set(channel, [known]);
    else bucket.push(known);
    this.#size += 1;
  }

  clear(): void {
    this.#exact.clear();
    this.#devices.clear();
    this.#size = 0;
  }
}

function channelOf(line: Line): string | undefined {
  return line.tags[channelTagOf(line.measurement) ?? "rack"];
}

function isSame<T>(known: Known<T>, line: Line): boolean {
  if (known.measurement !== line.measurement) return false;
  let count = 0;
  for (const name in line.tags) {
    if (known.tags[name] !== line.tags[name]) return false;
    count += 1;
  }
  return count === known.tagCount;
}

/**
 * Reads a page of samples: exposition format 0.0.4 and OpenMetrics 1.0, both text. Total: any
 * characters give a page; a line of a wanted series that is none is counted.
 *
 *   # TYPE name counter              types and texts; a summary or histogram is passed over
 *   name{label="value",…} 1.5 1700   labels, value, time (ms; OpenMetrics: s)
 *   name 3 # {trace_id="a"} 1 1.2    an exemplar behind # is passed over
 *   # EOF                            the end of OpenMetrics
 *
 * Speed: a line of an unwanted series costs finding its end and comparing its name; the labels of a
 * family are most often those of the family before it, in the same order, and are compared with
 * them instead of being read again. It rests between slices.
 */
import type { Clock } from "../../telemetry/index.ts";
import type { Labels } from "./conditions.ts";
import type { Series } from "./page.ts";
import { Page } from "./page.ts";
import { blank, labelsAt, numberOf } from "./sample.ts";
import { Slices } from "./slices.ts";

/** Series kept of one page: 2,000 cards with 50 fields each. */
const maxSeries = 100_000;
/** Lines between two looks at the clock: about half a millisecond. */
const sliceLines = 500;

/** Types whose samples of the family's own name are no plain value. */
const passedOver: ReadonlySet<string> = new Set(["summary", "histogram", "gaugehistogram"]);

/** How a page is to be read. */
export interface Reading {
  /** Names of samples that are kept. */
  readonly wanted: Iterable<string>;
  /** What times count: seconds in OpenMetrics, else milliseconds. */
  readonly seconds: boolean;
}

/** Reads a page in slices. */
export async function readPage(
  text: string,
  reading: Reading,
  clock: Pick<Clock, "monotonic">,
): Promise<Page> {
  const reader = new PageReader(text, reading);
  const slices = new Slices(clock);
  for (;;) {
    reader.step(sliceLines);
    if (reader.done) return reader.page();
    if (slices.over) await slices.rest();
  }
}

interface Block {
  readonly text: string;
  readonly labels: Labels;
}

const noLabels: Labels = new Map();
const sign = "#".charCodeAt(0);
const brace = "{".charCodeAt(0);

export class PageReader {
  readonly #text: string;
  readonly #seconds: boolean;
  readonly #families = new Map<string, Series[]>();
  #at = 0;
  #lines = 0;
  #samples = 0;
  #series = 0;
  #dropped = 0;
  #damaged = 0;
  #damagedAt: number | undefined;
  #ended = false;
  /** Name of the line before, and its family when it is wanted. */
  #name = "\n";
  #family: Series[] | undefined;
  /** Labels of this wanted family so far, and of the one before. */
  #blocks: Block[] = [];
  #blocksBefore: Block[] = [];

  constructor(text: string, { wanted, seconds }: Reading) {
    this.#text = text;
    this.#seconds = seconds;
    for (const name of wanted) this.#families.set(name, []);
  }

  get done(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Reads so many lines more. */
  step(lines: number): void {
    const text = this.#text;
    for (let left = lines; left > 0 && this.#at < text.length; left -= 1) {
      const found = text.indexOf("\n", this.#at);
      const end = found < 0 ? text.length : found;
      this.#lines += 1;
      this.#line(this.#at, end);
      this.#at = end + 1;
    }
  }

  page(): Page {
    return new Page({
      families: this.#families,
      lines: this.#lines,
      samples: this.#samples,
      damaged: this.#damaged,
      damagedAt: this.#damagedAt,
      dropped: this.#dropped,
      ended: this.#ended,
    });
  }

  #line(from: number, end: number): void {
    const at = blank(this.#text, from, end);
    if (at === end) return;
    const first = this.#text.charCodeAt(at);
    if (first === sign) return this.#comment(at, end);
    this.#samples += 1;
    const named = this.#named(at, end);
    if (this.#family === undefined) return;
    if (this.#series >= maxSeries) {
      this.#dropped += 1;
      return;
    }
    const series = this.#sample(named, end);
    if (series === undefined) {
      this.#damaged += 1;
      this.#damagedAt ??= this.#lines;
      return;
    }
    this.#series += 1;
    this.#family.push(series);
  }

  /** Finds the family of the line and returns where its name ends. */
  #named(at: number, end: number): number {
    const text = this.#text;
    const same = at + this.#name.length;
    if (same <= end && text.startsWith(this.#name, at) && endsName(text, same)) return same;
    let stop = at;
    while (stop < end && !endsName(text, stop)) stop += 1;
    this.#name = text.slice(at, stop);
    this.#family = this.#families.get(this.#name);
    if (this.#family !== undefined) {
      this.#blocksBefore = this.#blocks;
      this.#blocks = [];
    }
    return stop;
  }

  #sample(from: number, end: number): Series | undefined {
    const text = this.#text;
    let at = blank(text, from, end);
    let labels = noLabels;
    if (text.charCodeAt(at) === brace && at < end) {
      const block = this.#block(at, end);
      if (block === undefined) return undefined;
      ({ labels } = block);
      at += block.text.length;
    }
    const start = blank(text, at, end);
    const stop = wordEnd(text, start, end);
    const value = numberOf(text, start, stop);
    if (value === undefined) return undefined;
    const next = blank(text, stop, end);
    let time: number | undefined;
    let rest = next;
    if (next < end && text.charCodeAt(next) !== sign) {
      const timeEnd = wordEnd(text, next, end);
      time = numberOf(text, next, timeEnd);
      if (time === undefined) return undefined;
      rest = blank(text, timeEnd, end);
    }
    if (rest < end && text.charCodeAt(rest) !== sign) return undefined;
    if (time !== undefined && this.#seconds) time *= 1000;
    return { labels, value, raw: text.slice(start, stop), time };
  }

  #block(at: number, end: number): Block | undefined {
    const text = this.#text;
    const same = this.#blocksBefore[this.#blocks.length];
    const last = this.#blocks.at(-1);
    let block: Block | undefined;
    if (same !== undefined && text.startsWith(same.text, at)) block = same;
    else if (last !== undefined && text.startsWith(last.text, at)) block = last;
    else {
      const read = labelsAt(text, at, end);
      if (read === undefined) return undefined;
      block = { text: text.slice(at, read.end), labels: read.labels };
    }
    this.#blocks.push(block);
    return block;
  }

  #comment(at: number, end: number): void {
    const text = this.#text;
    if (text.startsWith("# TYPE ", at)) {
      const [name = "", type = ""] = text
        .slice(at + 7, Math.min(end, at + 600))
        .trim()
        .split(/\s+/);
      if (passedOver.has(type)) this.#families.delete(name);
      return;
    }
    if (text.startsWith("# EOF", at) && blank(text, at + 5, end) === end) this.#ended = true;
  }
}

function endsName(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  // Behind the last character it is NaN. Space, tab, line feed, carriage return, brace.
  return code <= 0x20 || code === brace || Number.isNaN(code);
}

function wordEnd(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && text.charCodeAt(at) > 0x20) at += 1;
  return at;
}

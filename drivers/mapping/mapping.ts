/**
 * From documents to points, as the rows of a mapping say. Total: any JSON gives points or faults.
 * Bounded: elements of a list, series of a device, faults of a reading.
 */
import type { Clock, Code, Fault, FieldValue, Point } from "../../telemetry/index.ts";
import { quality, withRangeQuality } from "../../telemetry/index.ts";
import type { Memory, Source, Trace } from "../contract.ts";
import { isCredible } from "../transport/hearing.ts";
import { MappedCounters } from "./counters.ts";
import type { Json } from "./json.ts";
import { momentOf } from "./moment.ts";
import type { MappingRow, TimeForm } from "./options.ts";
import type { Around, JsonPath } from "./path.ts";
import { compilePath } from "./path.ts";
import type { Known, MappedField, MappedRow } from "./rows.ts";
import { channelIn, compileRows } from "./rows.ts";
import { convert } from "./value.ts";

/** Elements of one `each`. */
export const maxElements = 256;

/** Series of one device, over its life. */
export const maxSeries = 512;

/** Faults of one reading. */
export const maxFaults = 16;

/** Of what stood at a path, for people. @unit characters */
const shownRaw = 64;

export interface MappingParts extends Known {
  readonly rows: readonly MappingRow[];
  readonly time: TimeForm | undefined;
  readonly clock: Clock;
  readonly memory: Memory | undefined;
}

/** Something that came, taken apart. */
export interface Document {
  readonly name: string;
  readonly data: Json;
  /** It holds texts alone, as lines and CSV do. */
  readonly texts: boolean;
  /** What the levels of its topic were. */
  readonly levels?: Readonly<Record<string, string>> | undefined;
}

/** What a document gives of one row; other documents may give the rest. */
export interface Part {
  readonly row: MappedRow;
  readonly channel: string;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

export interface Mapped {
  readonly parts: readonly Part[];
  readonly faults: readonly Fault[];
  readonly traces: readonly Trace[];
  /** When the device measured, where the document says so. @unit ms since 1970-01-01 UTC */
  readonly time: number | undefined;
}

/** The faults of one document, each once. */
class FaultList {
  readonly all: Fault[] = [];

  add(code: Code, at: string): void {
    if (this.all.length >= maxFaults) return;
    if (this.all.some((one) => one.code === code && one.at === at)) return;
    this.all.push({ code, at });
  }
}

interface Work {
  readonly document: Document;
  readonly now: number;
  /** The quality of all that it says. */
  readonly q: number;
  readonly faults: FaultList;
  readonly traces: Trace[];
  readonly parts: Part[];
}

export class Mapping {
  readonly rows: readonly MappedRow[];
  readonly #clock: Clock;
  readonly #counters: MappedCounters;
  readonly #time: (TimeForm & { readonly compiled: JsonPath }) | undefined;
  /** By row and channel. */
  readonly #series = new Set<string>();
  readonly #sources = new Map<string, Source>();

  /** @throws E_CONFIG for rows that cannot be */
  constructor({ rows, time, clock, memory, ...known }: MappingParts) {
    this.rows = compileRows(rows, known);
    this.#clock = clock;
    this.#counters = new MappedCounters(memory);
    this.#time = time && { ...time, compiled: compilePath(time.path) };
    for (const row of this.rows) {
      if (row.channel.is === "fixed") for (const one of row.fields) this.#learn(row, one);
    }
  }

  /** Whether its documents may say when they were measured. */
  get tellsTime(): boolean {
    return this.#time !== undefined;
  }

  /** Every place that a value may come from, as far as its channel is known. */
  get sources(): readonly Source[] {
    return [...this.#sources.values()];
  }

  /** What a document says. */
  map(document: Document): Mapped {
    const faults = new FaultList();
    const now = this.#clock.now();
    const time = this.#timeOf(document, faults);
    const old = time !== undefined && this.#time?.stale !== undefined;
    const q = old && now - time > (this.#time?.stale ?? 0) ? quality.stale : quality.good;
    const work: Work = { document, now, q, faults, traces: [], parts: [] };
    for (const [number, row] of this.rows.entries()) {
      if (row.from.has(document.name)) this.#mapRow(row, number, work);
    }
    this.#counters.keep();
    return { parts: work.parts, faults: faults.all, traces: work.traces, time };
  }

  #timeOf({ name, data }: Document, faults: FaultList): number | undefined {
    const form = this.#time;
    if (form === undefined || (form.from !== undefined && form.from !== name)) return undefined;
    const [raw] = form.compiled.find({ document: data }, 1);
    const time = momentOf(raw, form.format);
    if (time !== undefined && isCredible(time, this.#clock)) return time;
    faults.add("E_VALUE", `${name} ${form.path}`);
    return undefined;
  }

  #mapRow(row: MappedRow, number: number, work: Work): void {
    const { document, faults } = work;
    const { data, levels = {} } = document;
    if (row.each === undefined) {
      this.#mapElement({ row, number, around: { document: data }, levels }, work);
      return;
    }
    const elements = row.each.find({ document: data }, maxElements + 1);
    if (elements.length === 0 && !row.optional) faults.add("E_VALUE", missing(row.each.text));
    if (elements.length > maxElements) {
      faults.add("E_VALUE", `${row.each.text} (more than ${maxElements} elements)`);
    }
    for (const [index, element] of elements.slice(0, maxElements).entries()) {
      const around = { document: data, element };
      const numbered = { ...levels, index: String(index) };
      this.#mapElement({ row, number, around, levels: numbered }, work);
    }
  }

  #mapElement({ row, number, around, levels }: Element, work: Work): void {
    const { document, faults } = work;
    const channel = channelIn(row, around, levels);
    const where = row.each?.text ?? row.measurement;
    if (channel === undefined) {
      if (!row.optional) faults.add("E_VALUE", `${where}: no ${row.tag ?? "channel"}`);
      return;
    }
    if (work.parts.some((part) => part.row === row && part.channel === channel)) {
      faults.add("E_VALUE", `${where}: ${channel} stands there twice`);
      return;
    }
    const fields: Record<string, FieldValue> = {};
    for (const field of row.fields) {
      if (field.from !== document.name) continue;
      const value = this.#valueOf({ row, field, channel, around }, work);
      if (value !== undefined) fields[field.name] = value;
    }
    if (Object.keys(fields).length === 0) return;
    const series = `${number} ${channel}`;
    if (!this.#series.has(series) && this.#series.size >= maxSeries) {
      faults.add("E_VALUE", `${where}: more than ${maxSeries} series`);
      return;
    }
    this.#series.add(series);
    const marked = work.q === quality.good ? fields : { ...fields, q: work.q };
    work.parts.push({ row, channel, fields: marked });
  }

  #valueOf({ row, field, channel, around }: Place, work: Work): FieldValue | undefined {
    const { form, facts, at, name } = field;
    const found = field.path.find(around, 2);
    const [raw] = found;
    if (found.length === 0) {
      if (!form.optional && !row.optional) work.faults.add("E_VALUE", missing(at));
      return undefined;
    }
    if (found.length > 1) {
      work.faults.add("E_VALUE", `${at} (more than one value)`);
      return undefined;
    }
    const place = `${row.measurement} ${channel} ${name} ${at}`;
    const unwrap = this.#counters.of(place, form, work.now);
    const converted = convert(raw, { form, facts, texts: work.document.texts, unwrap });
    if (converted.is === "none") return undefined;
    const one = this.#learn(row, field, channel);
    work.traces.push({ ...one, raw: rawText(raw) });
    if (converted.is === "value") return converted.value;
    work.faults.add("E_VALUE", at);
    return undefined;
  }

  #learn({ measurement, channel }: MappedRow, { name, at }: MappedField, known?: string): Source {
    const text = known ?? (channel.is === "fixed" ? channel.text : "");
    const one: Source = { measurement, channel: text, field: name, at };
    const key = `${measurement} ${text} ${name} ${at}`;
    const room = this.#sources.size < maxSeries * 4;
    if (!this.#sources.has(key) && room) this.#sources.set(key, one);
    return one;
  }
}

interface Element {
  readonly row: MappedRow;
  readonly number: number;
  readonly around: Around;
  readonly levels: Readonly<Record<string, string>>;
}

interface Place {
  readonly row: MappedRow;
  readonly field: MappedField;
  readonly channel: string;
  readonly around: Around;
}

function missing(at: string): string {
  return `${at} (nothing there)`;
}

/** What stood there, short, and never empty. */
function rawText(raw: Json): string {
  return (JSON.stringify(raw) ?? "").slice(0, shownRaw) || "null";
}

/** A whole row as a point. */
export function pointOf({ row, channel, fields }: Part): Point {
  const { measurement, tag } = row;
  const point = { measurement, fields: withRangeQuality(measurement, fields) };
  return tag === undefined ? point : { ...point, tags: { [tag]: channel } };
}

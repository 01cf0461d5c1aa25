/**
 * Lines into the typed arrays of a `WriteRequest`, on the engine's side of the thread.
 *
 * Limits: 20,000 values (about 5 ms of work) and 2,000 new fields a message; 500,000 handles,
 * then a new epoch.
 */
import type { Line } from "../../telemetry/index.ts";
import { columnOf, columnsOf, judge, refusalOf, shapeProblem } from "../admission.ts";
import type { Column } from "../admission.ts";
import type { Rejected } from "../contract.ts";
import { seriesText } from "../line-protocol.ts";
import type { Series } from "../series.ts";
import { cleanText, SeriesCache, seriesOf } from "../series.ts";
import type { NewField, WriteRequest } from "./messages.ts";

/** Values a message; the last line may go over it. */
const maxValues = 20_000;
/** Fields newly spelled out in a message; the last line may go over it. */
const maxFresh = 2_000;
/** Series whose handles are kept; a series that was forgotten gets new ones. */
const seriesLimit = 100_000;
/** Handles of one epoch; past it a new one begins. */
const handleLimit = 500_000;

type FieldKind = readonly [name: string, isText: boolean];

interface KnownSeries {
  readonly series: Series | string;
  readonly text: string;
  readonly handles: Map<string, { readonly number: number; readonly text: number }>;
}

/** One message's worth of lines. */
export interface EncodedLines {
  readonly request: WriteRequest;
  /** Which of the caller's lines each line of the request is. */
  readonly indexes: readonly number[];
  /** Lines that no store may have. */
  readonly rejected: readonly Rejected[];
  /** Fields left out because they were not finite. */
  readonly droppedFields: number;
  /** The first line that is not in it. */
  readonly next: number;
}

interface Growing {
  readonly times: number[];
  readonly ends: number[];
  readonly handles: number[];
  readonly values: number[];
  readonly texts: string[];
  readonly fresh: NewField[];
  dropped: number;
}

/** Keeps the handles of one epoch. */
export class Encoder {
  #epoch = 1;
  #nextHandle = 1;
  readonly #known = new SeriesCache<KnownSeries>(seriesLimit);

  /** Forgets the handles of `epoch`: the worker did, or there are too many. */
  renew(epoch: number): void {
    // Several messages in flight may be told the same; only the first counts.
    if (epoch !== this.#epoch) return;
    this.#epoch += 1;
    this.#nextHandle = 1;
    this.#known.clear();
  }

  /** As many lines from `from` on as one message carries. */
  encode(lines: readonly Line[], from: number, now: number): EncodedLines {
    if (this.#nextHandle > handleLimit) this.renew(this.#epoch);
    const grown: Growing = {
      times: [],
      ends: [],
      handles: [],
      values: [],
      texts: [],
      fresh: [],
      dropped: 0,
    };
    const indexes: number[] = [];
    const rejected: Rejected[] = [];
    let index = from;
    for (; index < lines.length && grown.values.length < maxValues; index += 1) {
      const line = lines[index];
      if (indexes.length + rejected.length >= maxValues || grown.fresh.length >= maxFresh) break;
      if (line === undefined) continue;
      const problem = this.#add(line, grown);
      if (problem === undefined) indexes.push(index);
      else rejected.push({ index, reason: problem });
    }
    const request = this.#requestOf(grown, now);
    return { request, indexes, rejected, droppedFields: grown.dropped, next: index };
  }

  #requestOf(grown: Growing, now: number): WriteRequest {
    return {
      kind: "write",
      epoch: this.#epoch,
      now,
      fresh: grown.fresh,
      times: Float64Array.from(grown.times),
      ends: Uint32Array.from(grown.ends),
      handles: Uint32Array.from(grown.handles),
      values: Float64Array.from(grown.values),
      texts: grown.texts,
    };
  }

  /** Adds a line whole, or nothing of it and the reason. */
  #add(line: Line, grown: Growing): string | undefined {
    const dropped = droppedIn(line);
    if (typeof dropped === "string") return dropped;
    const known = this.#seriesOf(line);
    if (typeof known.series === "string") return known.series;
    grown.dropped += dropped;
    const columns = columnsOf(line.measurement);
    for (const name in line.fields) {
      const value = line.fields[name];
      const column = columns.get(name);
      if (column === undefined || judge(column.type, value) !== "take") continue;
      grown.handles.push(this.#handleOf(known, [name, typeof value === "string"], grown.fresh));
      if (typeof value === "string") {
        grown.values.push(grown.texts.length);
        grown.texts.push(cleanText(value));
      } else {
        grown.values.push(value ?? 0);
      }
    }
    grown.times.push(line.time);
    grown.ends.push(grown.values.length);
    return undefined;
  }

  #seriesOf(line: Line): KnownSeries {
    const found = this.#known.get(line);
    if (found !== undefined) return found;
    const series = seriesOf(line);
    const text = typeof series === "string" ? "" : seriesText(series);
    const made: KnownSeries = { series, text, handles: new Map() };
    this.#known.set(line, made);
    return made;
  }

  /** A text and a number in the same field have two handles: the worker refuses one of them. */
  #handleOf(known: KnownSeries, [name, isText]: FieldKind, fresh: NewField[]): number {
    const pair = known.handles.get(name);
    const found = isText ? pair?.text : pair?.number;
    if (found !== undefined && found > 0) return found;
    const handle = this.#nextHandle;
    this.#nextHandle += 1;
    known.handles.set(name, {
      number: isText ? (pair?.number ?? 0) : handle,
      text: isText ? handle : (pair?.text ?? 0),
    });
    if (typeof known.series !== "string") {
      const { measurement, tags } = known.series;
      fresh.push({ handle, series: known.text, measurement, tags, field: name, text: isText });
    }
    return handle;
  }
}

/** How many fields of a line are left out, or why the whole line may not be stored. */
function droppedIn(line: Line): number | string {
  const columns = columnsOf(line.measurement);
  let count = 0;
  let dropped = 0;
  for (const name in line.fields) {
    const column: Column | undefined = columns.get(name) ?? columnOf(line.measurement, name);
    if (column === undefined) return refusalOf(line.measurement, name);
    const judgement = judge(column.type, line.fields[name]);
    if (judgement === "refuse") return refusalOf(line.measurement, name);
    if (judgement === "drop") dropped += 1;
    else count += 1;
  }
  return shapeProblem(line, count) ?? dropped;
}

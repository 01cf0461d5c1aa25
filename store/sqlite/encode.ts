/**
 * Lines into the typed arrays of a `WriteRequest`, on the engine's side of the thread. A series
 * nearly always has the same fields as the last time: then a line costs one look at each value.
 *
 * Limits: 20,000 values (about 1 ms of work) and 2,000 new fields a message; 500,000 handles, then
 * a new epoch.
 */
import type { Line } from "../../telemetry/index.ts";
import { columnOf, columnsOf, judge, refusalOf, shapeProblem } from "../admission.ts";
import type { Column } from "../admission.ts";
import type { Rejected } from "../contract.ts";
import { seriesText } from "../line-protocol.ts";
import type { Series } from "../series.ts";
import { cleanText, SeriesCache, seriesOf } from "../series.ts";
import type { NewShape, WriteRequest } from "./messages.ts";

/** Values a message; the last line may go over it. */
const maxValues = 20_000;
/** Fields newly spelled out in a message; the last line may go over it. */
const maxFresh = 2_000;
/** Series whose handles are kept; a series that was forgotten gets new ones. */
const seriesLimit = 100_000;
/** Handles of one epoch; past it a new one begins. */
const handleLimit = 500_000;
/** Shapes of a series among which one is searched for; past it they are forgotten. */
const shapeLimit = 64;

/** The fields of a line, of one series. */
interface KnownShape {
  readonly handle: number;
  readonly names: readonly string[];
  readonly columns: readonly Column[];
  readonly texts: readonly boolean[];
}

interface KnownSeries {
  readonly series: Series | string;
  readonly text: string;
  /** The shape met last stands first. */
  shapes: KnownShape[];
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
  readonly handles: number[];
  values: Float64Array<ArrayBuffer>;
  count: number;
  readonly texts: string[];
  readonly fresh: NewShape[];
  freshFields: number;
  dropped: number;
}

/** Keeps the handles of one epoch. */
export class Encoder {
  #epoch = 1;
  #nextHandle = 1;
  readonly #known = new SeriesCache<KnownSeries>(seriesLimit);

  /** As many lines from `from` on as one message carries. */
  encode(lines: readonly Line[], from: number, now: number): EncodedLines {
    if (this.#nextHandle > handleLimit) this.#renew();
    const grown: Growing = {
      times: [],
      handles: [],
      values: new Float64Array(Math.min(maxValues, (lines.length - from) * 16) + 64),
      count: 0,
      texts: [],
      fresh: [],
      freshFields: 0,
      dropped: 0,
    };
    const indexes: number[] = [];
    const rejected: Rejected[] = [];
    let index = from;
    for (; index < lines.length && grown.count < maxValues; index += 1) {
      const line = lines[index];
      if (indexes.length + rejected.length >= maxValues || grown.freshFields >= maxFresh) break;
      if (line === undefined) continue;
      const problem = this.#add(line, grown);
      if (problem === undefined) indexes.push(index);
      else rejected.push({ index, reason: problem });
    }
    const request = this.#requestOf(grown, now);
    return { request, indexes, rejected, droppedFields: grown.dropped, next: index };
  }

  /** Forgets all handles; the thread does the same when it sees the new epoch. */
  #renew(): void {
    this.#epoch += 1;
    this.#nextHandle = 1;
    this.#known.clear();
  }

  #requestOf({ times, handles, values, count, texts, fresh }: Growing, now: number): WriteRequest {
    return {
      kind: "write",
      epoch: this.#epoch,
      now,
      fresh,
      times: Float64Array.from(times),
      handles: Uint32Array.from(handles),
      values: values.subarray(0, count),
      texts,
    };
  }

  /** Adds a line whole, or nothing of it and the reason. */
  #add(line: Line, grown: Growing): string | undefined {
    const known = this.#seriesOf(line);
    if (typeof known.series === "string") return known.series;
    const [usual] = known.shapes;
    if (usual === undefined || !addUsual(line, usual, grown)) {
      const problem = this.#addSlowly(line, known, grown);
      if (problem !== undefined) return problem;
    }
    grown.times.push(line.time);
    return undefined;
  }

  /** A line with other fields than the last one of its series, or with a value of its own. */
  #addSlowly(line: Line, known: KnownSeries, grown: Growing): string | undefined {
    const taken: [string, Column][] = [];
    let dropped = 0;
    for (const name in line.fields) {
      const value = line.fields[name];
      const column = columnsOf(line.measurement).get(name) ?? columnOf(line.measurement, name);
      if (column === undefined) return refusalOf(line.measurement, name);
      const judgement = judge(column.type, value);
      if (judgement === "refuse") return refusalOf(line.measurement, name);
      if (judgement === "drop") dropped += 1;
      else taken.push([name, column]);
    }
    const problem = shapeProblem(line, taken.length);
    if (problem !== undefined) return problem;
    grown.dropped += dropped;
    grown.handles.push(this.#shapeOf(line, { known, taken, grown }).handle);
    for (const [name] of taken) push(grown, line.fields[name] ?? 0);
    return undefined;
  }

  #shapeOf(
    line: Line,
    what: {
      readonly known: KnownSeries;
      readonly taken: readonly (readonly [string, Column])[];
      readonly grown: Growing;
    },
  ): KnownShape {
    const { known, taken, grown } = what;
    const at = known.shapes.findIndex((shape) => isShapeOf(shape, line, taken));
    const [found] = at < 0 ? [] : known.shapes.splice(at, 1);
    const shape = found ?? this.#newShape(line, taken);
    if (found === undefined) {
      if (known.shapes.length >= shapeLimit) known.shapes = [];
      grown.freshFields += taken.length;
      grown.fresh.push(definitionOf(shape, known));
    }
    known.shapes.unshift(shape);
    return shape;
  }

  #newShape(line: Line, taken: readonly (readonly [string, Column])[]): KnownShape {
    const handle = this.#nextHandle;
    this.#nextHandle += 1;
    return {
      handle,
      names: taken.map(([name]) => name),
      columns: taken.map(([, column]) => column),
      texts: taken.map(([name]) => typeof line.fields[name] === "string"),
    };
  }

  #seriesOf(line: Line): KnownSeries {
    const found = this.#known.get(line);
    if (found !== undefined) return found;
    const series = seriesOf(line);
    const text = typeof series === "string" ? "" : seriesText(series);
    const made: KnownSeries = { series, text, shapes: [] };
    this.#known.set(line, made);
    return made;
  }
}

/** Adds a line that has exactly the fields of a shape, all of them to be taken; else nothing. */
function addUsual(
  line: Line,
  { names, columns, texts, handle }: KnownShape,
  grown: Growing,
): boolean {
  const { count } = grown;
  const textCount = grown.texts.length;
  let place = 0;
  let fits = true;
  for (const name in line.fields) {
    const value = line.fields[name];
    const column = columns[place];
    fits =
      names[place] === name &&
      column !== undefined &&
      texts[place] === (typeof value === "string") &&
      judge(column.type, value) === "take";
    if (!fits) break;
    push(grown, value ?? 0);
    place += 1;
  }
  if (fits && place === names.length && shapeProblem(line, place) === undefined) {
    grown.handles.push(handle);
    return true;
  }
  grown.count = count;
  grown.texts.length = textCount;
  return false;
}

function push(grown: Growing, value: number | string): void {
  if (grown.count === grown.values.length) {
    const larger = new Float64Array(grown.values.length * 2);
    larger.set(grown.values);
    grown.values = larger;
  }
  if (typeof value === "string") {
    grown.values[grown.count] = grown.texts.length;
    grown.texts.push(cleanText(value));
  } else {
    // Minus zero is zero in every engine.
    grown.values[grown.count] = value + 0;
  }
  grown.count += 1;
}

function isShapeOf(
  { names, texts }: KnownShape,
  line: Line,
  taken: readonly (readonly [string, Column])[],
): boolean {
  if (names.length !== taken.length) return false;
  return taken.every(
    ([name], i) => names[i] === name && texts[i] === (typeof line.fields[name] === "string"),
  );
}

function definitionOf(
  { handle, names, texts }: KnownShape,
  { series, text }: KnownSeries,
): NewShape {
  const { measurement, tags } = typeof series === "string" ? { measurement: "", tags: {} } : series;
  const marked = names.map((name, i) => (texts[i] === true ? `'${name}` : name));
  return { handle, series: text, measurement, tags, names: marked };
}

/**
 * Takes the lines of a message: one record of the log in one transaction, then the head. Lines
 * that the store may not have are left out and named.
 */
import { invariant } from "../../telemetry/index.ts";
import type { Rejected } from "../contract.ts";
import type { Bounded } from "./bounds.ts";
import type { Series, Shape } from "./catalog.ts";
import { maxSeries } from "./catalog.ts";
import type { StoreFile, Target } from "./file.ts";
import { nameOf } from "./file.ts";
import type { LogRecord } from "./log.ts";
import { encodeRecord } from "./log.ts";
import type { NewShape, Reply, WriteRequest } from "./messages.ts";
import type { Tier } from "./partition.ts";
import { tierOf } from "./partition.ts";
import type { Statement } from "./schema.ts";

/** A part of a line: all of it, unless the file has too many shapes already. */
interface Part extends Target {
  readonly shape: Shape;
}

/** What the engine says by one number. */
interface Handle {
  readonly definition: NewShape;
  readonly tier: Tier;
  parts: readonly Part[];
  /** Of the series and the catalog when the parts were found; they hold as long as both do. */
  version: number;
  era: number;
}

/** The lines that are taken, and where they belong. */
interface Taken {
  readonly times: number[];
  readonly parts: Part[];
  readonly values: Float64Array;
  count: number;
}

/** The writing side of one open file. */
export class Rows {
  readonly #file: StoreFile;
  readonly #bounds: Bounded;
  readonly #addRecord: Statement;
  /** By handle; slot 0 is never used. */
  #handles: (Handle | undefined)[] = [];
  #epoch = 0;

  constructor(file: StoreFile, bounds: Bounded) {
    this.#file = file;
    this.#bounds = bounds;
    this.#addRecord = file.sql.prepare("INSERT INTO log(at, data) VALUES (?, ?) RETURNING id");
  }

  /** Writes a message; when it returns, all but the rejected lines are durable. */
  write(request: WriteRequest): Reply {
    this.#learn(request);
    const { rejected, record, lines, id } = this.#file.transaction(() => this.#log(request));
    if (id !== undefined) this.#file.apply({ id, at: request.now }, record, lines);
    return { kind: "written", rejected };
  }

  #learn({ epoch, fresh }: WriteRequest): void {
    if (epoch > this.#epoch) {
      this.#epoch = epoch;
      this.#handles = [];
    }
    for (const definition of fresh) {
      const tier = tierOf(definition.measurement);
      this.#handles[definition.handle] = { definition, tier, parts: [], version: -1, era: -1 };
    }
  }

  #log(request: WriteRequest): {
    readonly rejected: readonly Rejected[];
    readonly record: LogRecord;
    readonly lines: readonly Part[];
    readonly id: number | undefined;
  } {
    const { taken, rejected } = this.#take(request);
    const { times, parts, values, count } = taken;
    const record = {
      times: Float64Array.from(times),
      series: Uint32Array.from(parts, ({ series }) => series.id),
      shapes: Uint32Array.from(parts, ({ shape }) => shape.id),
      values: values.subarray(0, count),
      texts: request.texts,
    };
    if (times.length === 0) return { rejected, record, lines: parts, id: undefined };
    const id = this.#addRecord.get(request.now, encodeRecord(record))?.["id"];
    return { rejected, record, lines: parts, id: Number(id) };
  }

  #take(request: WriteRequest): { taken: Taken; rejected: Rejected[] } {
    const { times, handles, values } = request;
    const oldest = this.#bounds.oldestTimes(request.now);
    const rejected: Rejected[] = [];
    // Values of lines that are left out are written over by those of the next ones.
    const taken: Taken = { times: [], parts: [], values, count: 0 };
    let start = 0;
    for (let line = 0; line < times.length; line += 1) {
      const handle = this.#handles[handles[line] ?? 0];
      invariant(handle !== undefined, "a handle was used before it was spelled out");
      const time = times[line] ?? 0;
      const width = handle.definition.names.length;
      const old = time < oldest[handle.tier];
      const problem = old ? "older than the store's retention" : this.#resolve(handle);
      if (problem === undefined) {
        if (taken.count < start) values.copyWithin(taken.count, start, start + width);
        taken.count += width;
        for (const part of handle.parts) {
          taken.times.push(time);
          taken.parts.push(part);
        }
      } else rejected.push({ index: line, reason: problem });
      start += width;
    }
    return { taken, rejected };
  }

  /** Finds or makes what a handle stands for; why its lines may not be stored. */
  #resolve(handle: Handle): string | undefined {
    const { catalog } = this.#file;
    const { definition, parts, version, era } = handle;
    if (parts[0]?.series.version === version && era === catalog.era) return undefined;
    const conflict = this.#conflict(definition);
    if (conflict !== undefined) return conflict;
    const series = catalog.addSeries(definition);
    if (series === undefined) return `the store holds as many series as it may: ${maxSeries}`;
    const shape = catalog.addShape(definition.names);
    handle.parts =
      shape === undefined
        ? definition.names.flatMap((name) => this.#partOf(series, catalog.addShape([name])))
        : this.#partOf(series, shape);
    handle.version = series.version;
    handle.era = catalog.era;
    return undefined;
  }

  #partOf(series: Series, shape: Shape | undefined): Part[] {
    if (shape === undefined) return [];
    const { catalog } = this.#file;
    const fields = shape.names.map((name) =>
      catalog.addField(series, nameOf(name), name.startsWith("'")),
    );
    return [{ series, shape, fields }];
  }

  /** The first field whose type differs from what it always was. */
  #conflict({ measurement, names }: NewShape): string | undefined {
    for (const name of names) {
      const text = name.startsWith("'");
      const field = nameOf(name);
      const known = this.#file.catalog.isText(measurement, field);
      if (known === undefined || known === text) continue;
      return `field type conflict: ${field} of ${measurement} is a ${text ? "number" : "text"}`;
    }
    return undefined;
  }
}

/**
 * The embedded store without its thread: the same parts, one after the other, so that a test says
 * when a step of sealing happens.
 */
import { DatabaseSync } from "node:sqlite";
import type { Query, QuerySeries, Span, SummaryQuery, SummarySeries } from "../../store/index.ts";
import { askedOf, askedSpanOf, askedSummaryOf } from "../../store/asked.ts";
import { Bounded } from "../../store/sqlite/bounds.ts";
import { Encoder } from "../../store/sqlite/encode.ts";
import { StoreFile } from "../../store/sqlite/file.ts";
import type { Tuning } from "../../store/sqlite/messages.ts";
import { migrate } from "../../store/sqlite/migrate.ts";
import { read, summarize } from "../../store/sqlite/read.ts";
import { Rows } from "../../store/sqlite/rows.ts";
import { Scanner } from "../../store/sqlite/scan.ts";
import { linesOf } from "../../store/sqlite/scanned.ts";
import { prepareSchema } from "../../store/sqlite/schema.ts";
import { Upkeep } from "../../store/sqlite/upkeep.ts";
import type { Line } from "../../telemetry/index.ts";
import { wideBounds } from "./rig.ts";

/** A disk that is never short of space. */
export function plenty(): { readonly free: number; readonly total: number } {
  return { free: 1, total: 1 };
}

/** One open file. */
export class Threadless implements Disposable {
  readonly database: DatabaseSync;
  readonly file: StoreFile;
  readonly upkeep: Upkeep;
  readonly said: string[] = [];
  readonly #rows: Rows;
  readonly #scanner: Scanner;
  readonly #encoder = new Encoder();
  /** What happens while a question pauses. */
  whilePausing = (): void => undefined;

  constructor(path: string, tuning: Tuning) {
    this.database = new DatabaseSync(path);
    const warn = (event: string): void => void this.said.push(event);
    prepareSchema(this.database, path);
    migrate(this.database, warn);
    this.file = new StoreFile(this.database);
    this.file.refresh();
    const bounded = new Bounded(this.file, wideBounds, { warn, space: plenty });
    this.upkeep = new Upkeep(this.file, { bounded, tuning, warn });
    this.#rows = new Rows(this.file, bounded);
    this.#scanner = new Scanner(this.file);
  }

  write(lines: readonly Line[], now: number): void {
    for (let from = 0; from < lines.length;) {
      const { request, rejected, next } = this.#encoder.encode(lines, from, now);
      this.upkeep.beforeWrite(now);
      const reply = this.#rows.write(request);
      if (rejected.length > 0 || reply.kind !== "written" || reply.rejected.length > 0) {
        throw new Error(`not written: ${JSON.stringify([rejected, reply])}`);
      }
      from = next;
    }
  }

  /** Does the upkeep that is due, at most so many steps. */
  keepUp(steps = Number.POSITIVE_INFINITY): void {
    for (let step = 0; step < steps && this.upkeep.step(); step += 1);
  }

  query(query: Query): Promise<QuerySeries[]> {
    this.file.refresh();
    return read(this.file, askedOf(query), this.#pause);
  }

  summarize(query: SummaryQuery): Promise<SummarySeries[]> {
    this.file.refresh();
    return summarize(this.file, askedSummaryOf(query), this.#pause);
  }

  async scan(span: Span): Promise<Line[]> {
    const lines: Line[] = [];
    const asked = askedSpanOf(span);
    for (let from: number | undefined = asked.from; from !== undefined;) {
      this.file.refresh();
      const piece = await this.#scanner.scan({ ...asked, from }, this.#pause);
      lines.push(...linesOf(piece.rows));
      from = piece.next;
    }
    return lines;
  }

  /** How many chunks there are, and rows in them. */
  sealed(): { readonly chunks: number; readonly rows: number } {
    let [chunks, rows] = [0, 0];
    for (const name of this.file.chunks.entries.keys()) {
      const found = this.database.prepare(`SELECT count(*) AS n, sum(rows) AS rows FROM ${name}`);
      const row = found.get();
      chunks += Number(row?.["n"]);
      rows += Number(row?.["rows"] ?? 0);
    }
    return { chunks, rows };
  }

  records(): number {
    return Number(this.database.prepare("SELECT count(*) AS n FROM log").get()?.["n"]);
  }

  [Symbol.dispose](): void {
    this.database.close();
  }

  readonly #pause = (): Promise<void> => {
    this.whilePausing();
    return Promise.resolve();
  };
}

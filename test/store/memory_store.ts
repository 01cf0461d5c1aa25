/** A store in memory, for tests of what works on stores: rows merge by identity, as everywhere. */
import type { Span, Store, StoreSize, WriteResult } from "../../store/index.ts";
import type { Line } from "../../telemetry/index.ts";

/** Identity of a row as text. */
export function identityOf({ measurement, tags, time }: Line): string {
  const known = Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([measurement, time, known]);
}

export class MemoryStore implements Store {
  readonly title = "memory";
  readonly rows = new Map<string, Line>();
  /** Lines of each write. */
  readonly writes: number[] = [];
  readonly #refuse: (line: Line) => boolean;

  constructor(lines: readonly Line[] = [], refuse: (line: Line) => boolean = () => false) {
    this.#refuse = refuse;
    this.#take(lines);
  }

  write(lines: readonly Line[], _signal?: AbortSignal): Promise<WriteResult> {
    this.writes.push(lines.length);
    const rejected = lines.flatMap((line, index) =>
      this.#refuse(line) ? [{ index, reason: "refused by the test" }] : [],
    );
    this.#take(lines.filter((line) => !this.#refuse(line)));
    return Promise.resolve({ accepted: lines.length - rejected.length, rejected });
  }

  /** Pieces of at most ten lines that never split a moment. */
  async *scan({ measurement, from, to, where = {} }: Span): AsyncGenerator<readonly Line[]> {
    const found = [...this.rows.values()]
      .filter((line) => line.measurement === measurement && line.time >= from && line.time < to)
      .filter(({ tags }) => Object.entries(where).every(([tag, value]) => tags[tag] === value))
      .toSorted((a, b) => a.time - b.time);
    let piece: Line[] = [];
    for (const line of found) {
      if (piece.length >= 10 && piece.at(-1)?.time !== line.time) {
        yield await Promise.resolve(piece);
        piece = [];
      }
      piece.push(line);
    }
    if (piece.length > 0) yield piece;
  }

  measurements(): Promise<readonly string[]> {
    const names = new Set([...this.rows.values()].map(({ measurement }) => measurement));
    return Promise.resolve([...names].toSorted());
  }

  query(): Promise<never> {
    return Promise.reject(new Error("not asked"));
  }

  summarize(): Promise<never> {
    return Promise.reject(new Error("not asked"));
  }

  fields(): Promise<never> {
    return Promise.reject(new Error("not asked"));
  }

  size(): Promise<StoreSize> {
    return Promise.resolve({ bytes: undefined, series: this.rows.size });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #take(lines: readonly Line[]): void {
    for (const line of lines) {
      const key = identityOf(line);
      const fields = { ...this.rows.get(key)?.fields, ...line.fields };
      this.rows.set(key, { ...line, fields });
    }
  }
}

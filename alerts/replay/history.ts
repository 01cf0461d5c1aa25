/**
 * Stored rows of several measurements as one stream in order of time. Memory is bounded: of each
 * measurement two pieces of its scan are held, a few thousand rows each, the second one read ahead.
 */
import type { Span, Store } from "../../store/index.ts";
import type { Line } from "../../telemetry/index.ts";

/** After all time. */
const never = Number.POSITIVE_INFINITY;

/** Rows to read; `fields` absent: all. */
export type Asked = Pick<Span, "measurement" | "fields">;

/** From when to when. @unit ms since 1970-01-01 UTC */
export interface Stretch {
  /** Included. */
  readonly from: number;
  /** Not included. */
  readonly to: number;
}

/**
 * Rows of all that was asked for, in order of time; of one moment in the order of `asked`. Pieces
 * are as long as no measurement interrupts the other.
 * @throws E_QUERY, E_STORE_DOWN, E_STORE_CONFIG
 */
export async function* historyOf(
  store: Pick<Store, "scan">,
  { asked, stretch }: { readonly asked: readonly Asked[]; readonly stretch: Stretch },
  signal: AbortSignal,
): AsyncGenerator<readonly Line[]> {
  const sources = asked.map((one) => new Source(store.scan({ ...one, ...stretch }, signal)));
  try {
    for (const source of sources) await source.fill();
    for (;;) {
      const [first, ...others] = sources.toSorted((a, b) => a.time - b.time);
      if (first === undefined || first.time === never) return;
      const next = others.reduce((least, { time }) => Math.min(least, time), never);
      yield first.takeUntil(next);
      await first.fill();
    }
  } finally {
    for (const source of sources) await source.close();
  }
}

class Source {
  readonly #pieces: AsyncIterator<readonly Line[]>;
  #piece: readonly Line[] = [];
  #at = 0;
  #ahead: Promise<IteratorResult<readonly Line[]>>;

  constructor(pieces: AsyncIterable<readonly Line[]>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
    this.#ahead = this.#readAhead();
  }

  /** Of the next row; infinite at the end. @unit ms since 1970-01-01 UTC */
  get time(): number {
    return this.#piece[this.#at]?.time ?? never;
  }

  /** The rows of the piece up to a time, that moment included. */
  takeUntil(time: number): readonly Line[] {
    const from = this.#at;
    while (this.time <= time && this.#at < this.#piece.length) this.#at += 1;
    return this.#piece.slice(from, this.#at);
  }

  /** Reads on when the piece is used up. */
  async fill(): Promise<void> {
    while (this.#at >= this.#piece.length) {
      const { done, value } = await this.#ahead;
      if (done === true) {
        this.#piece = [];
        this.#at = 0;
        return;
      }
      this.#piece = value;
      this.#at = 0;
      this.#ahead = this.#readAhead();
    }
  }

  async close(): Promise<void> {
    await this.#ahead.catch(() => undefined);
    await this.#pieces.return?.();
  }

  #readAhead(): Promise<IteratorResult<readonly Line[]>> {
    const ahead = this.#pieces.next();
    // It fails where it is awaited; until then nobody need know.
    ahead.catch(() => undefined);
    return ahead;
  }
}

/** Rows of several scans of a store, put together moment by moment. */
import type { Line } from "../../telemetry/index.ts";

/** One scan, a row at a time. */
class Cursor {
  readonly #pieces: AsyncIterator<readonly Line[]>;
  #piece: readonly Line[] = [];
  #at = 0;

  constructor(scan: AsyncIterable<readonly Line[]>) {
    this.#pieces = scan[Symbol.asyncIterator]();
  }

  /** Undefined at the end, and before `fill`. */
  get row(): Line | undefined {
    return this.#piece[this.#at];
  }

  /** Makes sure that there is a row, unless it is the end. */
  async fill(): Promise<void> {
    while (this.row === undefined) {
      const next = await this.#pieces.next();
      if (next.done === true) return;
      this.#piece = next.value;
      this.#at = 0;
    }
  }

  advance(): void {
    this.#at += 1;
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}

/** All rows of one time after the other, each scan being in order of time. */
export async function* momentsOf(
  scans: readonly AsyncIterable<readonly Line[]>[],
): AsyncGenerator<readonly Line[]> {
  const cursors = scans.map((scan) => new Cursor(scan));
  try {
    for (;;) {
      for (const cursor of cursors) await cursor.fill();
      const time = Math.min(...cursors.map(({ row }) => row?.time ?? Number.POSITIVE_INFINITY));
      if (time === Number.POSITIVE_INFINITY) return;
      const rows: Line[] = [];
      for (const cursor of cursors) await take(cursor, time, rows);
      yield rows;
    }
  } finally {
    for (const cursor of cursors) await cursor.close();
  }
}

async function take(cursor: Cursor, time: number, into: Line[]): Promise<void> {
  while (cursor.row?.time === time) {
    into.push(cursor.row);
    cursor.advance();
    await cursor.fill();
  }
}

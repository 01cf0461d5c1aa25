/**
 * Lines of the last moments, for a server that says yes before it has them on its disk:
 * VictoriaMetrics loses what it took in the last seconds when it is killed (measured on 1.79.5:
 * up to some ten seconds, flushed or not). They are sent again when it comes back.
 *
 * Limit: 50,000 lines; past it the oldest go, and with them the promise about them.
 */
import type { Line } from "../../telemetry/index.ts";

const most = 50_000;

interface Piece {
  readonly at: number;
  readonly lines: readonly Line[];
}

/** Remembers pieces of lines for a time. */
export class Recent {
  readonly #keep: number;
  #pieces: Piece[] = [];
  #count = 0;

  /** @param keep how long a line is remembered. @unit ms */
  constructor(keep: number) {
    this.#keep = keep;
  }

  /** Adds what was taken at a moment of a clock that never goes back. */
  add(lines: readonly Line[], now: number): void {
    if (this.#keep === 0) return;
    this.#pieces.push({ at: now, lines });
    this.#count += lines.length;
    this.#forget(now);
  }

  /** All lines that are young enough, in the order they came. */
  lines(now: number): Line[] {
    this.#forget(now);
    return this.#pieces.flatMap((piece) => piece.lines);
  }

  #forget(now: number): void {
    const first = this.#pieces.findIndex((piece) => {
      const stays = now - piece.at <= this.#keep && this.#count <= most;
      if (!stays) this.#count -= piece.lines.length;
      return stays;
    });
    this.#pieces = first < 0 ? [] : this.#pieces.slice(first);
  }
}

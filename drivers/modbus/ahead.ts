/**
 * Sends the requests of one reading before their turn, as many as the line takes at once, so that
 * a device is not waited for between two of them. The reader goes on asking for one after the
 * other and does not notice.
 */
import type { Span } from "./pdu.ts";

export interface AheadParts {
  readonly request: (span: Span, signal: AbortSignal) => Promise<Uint16Array>;
  /** How many requests the line would send at once now. */
  readonly depth: () => number;
}

export class Ahead {
  readonly #parts: AheadParts;
  /** What the reading under way will ask for, in this order, unless it gives up. */
  #blocks: readonly Span[] = [];
  #next = 0;
  /** Sent before their turn; bounded by the line's depth. */
  readonly #sent = new Map<Span, Promise<Uint16Array>>();

  constructor(parts: AheadParts) {
    this.#parts = parts;
  }

  /** Runs a reading of these blocks; what was sent for it and is not needed ends with it. */
  async during<T>(
    blocks: readonly Span[],
    signal: AbortSignal,
    read: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (blocks.length < 2 || this.#parts.depth() < 2) return read(signal);
    const reading = new AbortController();
    const abort = (): void => reading.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    this.#blocks = blocks;
    this.#next = 0;
    try {
      return await read(reading.signal);
    } finally {
      signal.removeEventListener("abort", abort);
      if (this.#sent.size > 0) reading.abort();
      this.#sent.clear();
      this.#blocks = [];
    }
  }

  /** The answer to a request, which may be on its way already. */
  request(span: Span, signal: AbortSignal): Promise<Uint16Array> {
    const known = this.#sent.get(span);
    const answer = known ?? this.#parts.request(span, signal);
    this.#sent.delete(span);
    if (this.#blocks[this.#next] === span) this.#next += 1;
    // Not one of the blocks: part of a refused one, or the plan was changed.
    else if (known === undefined) return answer;
    while (this.#sent.size + 1 < this.#parts.depth()) {
      const next = this.#blocks[this.#next];
      if (next === undefined) break;
      this.#next += 1;
      this.#send(next, signal);
    }
    return answer;
  }

  #send(span: Span, signal: AbortSignal): void {
    const answer = this.#parts.request(span, signal);
    // Whether it failed is told when it is asked for; it may never be.
    answer.catch(() => undefined);
    this.#sent.set(span, answer);
  }
}

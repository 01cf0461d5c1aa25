/** Progress of long work, on standard error: one line that changes, or a line now and then. */
import type { Clock } from "../telemetry/index.ts";

/** On a terminal at most this often. @unit ms */
const showEvery = 250;

/** In a log at most this often. @unit ms */
const logEvery = 10_000;

export class Progress implements Disposable {
  readonly #clock: Clock;
  readonly #stream: NodeJS.WriteStream;
  #shown = Number.NEGATIVE_INFINITY;
  #width = 0;

  constructor(clock: Clock, stream: NodeJS.WriteStream = process.stderr) {
    this.#clock = clock;
    this.#stream = stream;
    // In a log, work that is done soon needs no line.
    if (!stream.isTTY) this.#shown = clock.monotonic();
  }

  show(text: string): void {
    const now = this.#clock.monotonic();
    const terminal = this.#stream.isTTY;
    if (now - this.#shown < (terminal ? showEvery : logEvery)) return;
    this.#shown = now;
    if (!terminal) {
      this.#stream.write(`${text}\n`);
      return;
    }
    this.#stream.write(`\r${text.padEnd(this.#width)}`);
    this.#width = text.length;
  }

  /** Takes the line away. */
  [Symbol.dispose](): void {
    if (this.#width > 0) this.#stream.write(`\r${" ".repeat(this.#width)}\r`);
    this.#width = 0;
  }
}

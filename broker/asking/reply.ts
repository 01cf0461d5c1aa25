/** The answer to one request, part by part, at the pace of who asked. */
import type { AnswerPart, Clock } from "../../telemetry/index.ts";
import { encodeAnswer, sleep } from "../../telemetry/index.ts";
import type { AskedBy } from "./request.ts";

/** A connected client that asks. */
export interface Asker extends AskedBy {
  /** Aborted when the connection is over. */
  readonly gone: AbortSignal;
  /** Sends it one message on its `answer` topic; resolves when the next may follow. */
  send(payload: string): Promise<void>;
}

/** Time for a client to take a part. @unit ms */
const takesAtMost = 30_000;

/** A client does not take what it asked for. */
export class TooSlow extends Error {}

export class Reply {
  readonly #id: string;
  readonly #asker: Asker;
  readonly #clock: Pick<Clock, "after">;
  #parts = 0;

  constructor(id: string, asker: Asker, clock: Pick<Clock, "after">) {
    this.#id = id;
    this.#asker = asker;
    this.#clock = clock;
  }

  /** Sends all that comes, as it comes. @throws TooSlow, and what the answer throws */
  async pour(answer: AsyncIterable<unknown>, signal: AbortSignal): Promise<void> {
    // Which part is the last is known only when no other comes.
    let held: { readonly ok: unknown } | undefined;
    for await (const ok of answer) {
      if (signal.aborted) return;
      if (held !== undefined) await this.#send(held, false);
      held = { ok };
    }
    if (!signal.aborted) await this.#send(held ?? { ok: null }, true);
  }

  /** Ends the answer with a problem. */
  end({ problem, remedy }: { readonly problem: string; readonly remedy: string }): void {
    this.#send({ problem, remedy }, true).catch(() => undefined);
  }

  /** Answers that it is done, where nothing else is to be said. */
  done(): void {
    this.#send({ ok: null }, true).catch(() => undefined);
  }

  /** @throws TooSlow */
  async #send(body: AnswerPart["body"], last: boolean): Promise<void> {
    if (this.#asker.gone.aborted) return;
    this.#parts += 1;
    const taken = new AbortController();
    const payload = encodeAnswer({ id: this.#id, part: this.#parts, last, body });
    const sent = this.#asker.send(payload).finally(() => taken.abort());
    await Promise.race([sent, sleep(this.#clock, takesAtMost, taken.signal)]);
    if (!taken.signal.aborted) throw new TooSlow();
  }
}

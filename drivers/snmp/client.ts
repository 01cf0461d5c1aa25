/**
 * One agent, asked one request at a time. After anything but a refusal the session with it is made
 * anew, so that an agent that was restarted, moved or exchanged is discovered again.
 */
import { GatewayError } from "../../telemetry/index.ts";
import { cancelled } from "../transport/cancelled.ts";
import type { Reach, Refusal, Session, Varbind } from "./door.ts";
import { isOutOfStep, openSession, refusalOf, translated } from "./door.ts";

/** What a request brings: its values, or the word why there are none. */
export type Answer<Values> =
  | { readonly values: Values; readonly refused?: undefined }
  | { readonly refused: Refusal };

type Ask<Values> = (session: Session, done: (error: unknown, values: Values) => void) => void;

export class SnmpClient implements AsyncDisposable {
  readonly reach: Reach;
  #session: Session | undefined;
  #closed = false;

  constructor(reach: Reach) {
    this.reach = reach;
  }

  /** The objects named. @throws E_DEVICE_TIMEOUT, E_DEVICE_FRAME, E_LOGIN, E_CONNECT */
  get(oids: readonly string[], signal: AbortSignal): Promise<Answer<readonly Varbind[]>> {
    return this.#request((session, done) => session.get(oids, done), signal);
  }

  /** What follows each of the names. @throws as `get` */
  next(oids: readonly string[], signal: AbortSignal): Promise<Answer<readonly Varbind[]>> {
    return this.#request((session, done) => session.getNext(oids, done), signal);
  }

  /** What follows each of the names, several each; a list for each name. @throws as `get` */
  bulk(
    oids: readonly string[],
    repetitions: number,
    signal: AbortSignal,
  ): Promise<Answer<readonly (readonly Varbind[])[]>> {
    return this.#request((session, done) => session.getBulk(oids, 0, repetitions, done), signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#drop();
    return Promise.resolve();
  }

  async #request<Values>(ask: Ask<Values>, signal: AbortSignal): Promise<Answer<Values>> {
    try {
      return await this.#once(ask, signal);
    } catch (error) {
      if (!isOutOfStep(error)) throw this.#ours(error);
    }
    // An agent that lost count of its boots is believed only by a session that knows nothing of it.
    try {
      return await this.#once(ask, signal);
    } catch (error) {
      throw this.#ours(error);
    }
  }

  #ours(error: unknown): GatewayError {
    return error instanceof GatewayError ? error : translated(error, this.reach);
  }

  /** @throws what the library gives, or E_DISCONNECTED */
  #once<Values>(ask: Ask<Values>, signal: AbortSignal): Promise<Answer<Values>> {
    return new Promise((resolve, reject) => {
      if (this.#closed || signal.aborted) return reject(cancelled(signal));
      const session = (this.#session ??= openSession(this.reach));
      const stop = (): void => {
        this.#drop();
        reject(cancelled(signal));
      };
      signal.addEventListener("abort", stop, { once: true });
      ask(session, (error, values) => {
        signal.removeEventListener("abort", stop);
        if (error === null || error === undefined) return resolve({ values });
        const refused = refusalOf(error);
        if (refused !== undefined) return resolve({ refused });
        if (this.#session === session) this.#drop();
        reject(error);
      });
    });
  }

  #drop(): void {
    const session = this.#session;
    this.#session = undefined;
    session?.close();
  }
}

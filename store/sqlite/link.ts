/**
 * One worker thread and the calls that wait for it. When the thread ends by itself, every call
 * that waits fails with E_STORE_DOWN and the link is dead; the engine then makes another.
 */
import type { Transferable, Worker } from "node:worker_threads";
import type { Log } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { FromWorker, Reply, Request, ToWorker } from "./messages.ts";
import { isFromWorker } from "./messages.ts";
import { givenUp } from "./slots.ts";

interface Call {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: GatewayError) => void;
}

/** A line to one worker. */
export class WorkerLink {
  readonly #worker: Worker;
  readonly #log: Log;
  readonly #calls = new Map<number, Call>();
  #nextId = 1;
  #dead: GatewayError | undefined;
  /** Hears how far a backup is. @range 0 to 1 */
  onCopied: (part: number) => void = () => undefined;

  constructor(worker: Worker, log: Log) {
    this.#worker = worker;
    this.#log = log;
    worker.on("message", (message: unknown) => {
      if (isFromWorker(message)) this.#receive(message);
    });
    worker.on("error", (cause) => this.#die("the store's thread failed", cause));
    worker.on("exit", (status) => this.#die(`the store's thread ended (${status})`));
  }

  get dead(): boolean {
    return this.#dead !== undefined;
  }

  /**
   * Sends a request and waits for its reply.
   * @throws E_STORE_DOWN when the thread ends or the caller gives up; E_STORE_CONFIG, E_QUERY
   */
  call(
    request: Request,
    signal: AbortSignal,
    transfer: readonly Transferable[] = [],
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#dead !== undefined) return reject(this.#dead);
      if (signal.aborted) return reject(givenUp(signal));
      const id = this.#nextId;
      this.#nextId += 1;
      const settle = (): void => {
        this.#calls.delete(id);
        signal.removeEventListener("abort", giveUp);
      };
      const giveUp = (): void => {
        settle();
        this.#post({ kind: "cancel", id });
        reject(givenUp(signal));
      };
      this.#calls.set(id, {
        resolve(reply) {
          settle();
          if (reply.kind !== "failed") return resolve(reply);
          reject(new GatewayError(reply.failure.code, reply.failure.message));
        },
        reject(error) {
          settle();
          reject(error);
        },
      });
      signal.addEventListener("abort", giveUp, { once: true });
      this.#post({ ...request, id }, transfer);
    });
  }

  /** Ends the thread; calls that wait fail. */
  async terminate(): Promise<void> {
    this.#die("the store was closed");
    await this.#worker.terminate();
  }

  #post(message: ToWorker, transfer: readonly Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #receive(message: FromWorker): void {
    if (message.id === undefined) {
      if ("warned" in message) this.#log.warn(message.warned, message.fields);
      else this.onCopied(message.copied);
    } else this.#calls.get(message.id)?.resolve(message.reply);
  }

  #die(sentence: string, cause?: unknown): void {
    this.#dead ??= new GatewayError("E_STORE_DOWN", sentence, { cause });
    // A call removes itself; a map's iterator bears that.
    for (const call of this.#calls.values()) call.reject(this.#dead);
  }
}

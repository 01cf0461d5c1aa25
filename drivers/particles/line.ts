/**
 * The line to an SPS30: one command at a time, in turn, each answered within its time. Opening is
 * left to the first command; the line closes with its last session.
 */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError, messageOf } from "../../telemetry/index.ts";
import type { ByteChannel } from "../transport/channel.ts";
import type { ShdlcAnswer, ShdlcRequest } from "./shdlc.ts";
import { encodeRequest, ShdlcReader } from "./shdlc.ts";

/** The longest any command takes, and room for a serial server. @unit ms */
const answerLimit = 1000;

interface Pending {
  readonly command: number;
  readonly answer: (answer: ShdlcAnswer) => void;
  readonly fail: (error: unknown) => void;
}

export class ShdlcLine implements AsyncDisposable {
  readonly #name: string;
  readonly #open: (signal: AbortSignal) => Promise<ByteChannel>;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #turn: Promise<void> = Promise.resolve();
  #channel: ByteChannel | undefined;
  #reader = new ShdlcReader();
  #pending: Pending | undefined;
  /** Broken frames since the command was sent. */
  #broken = 0;

  constructor(
    name: string,
    open: (signal: AbortSignal) => Promise<ByteChannel>,
    { clock }: { readonly clock: Clock },
  ) {
    this.#name = name;
    this.#open = open;
    this.#clock = clock;
  }

  /**
   * Sends a command when its turn comes and gives the answer.
   * @throws E_CONNECT, E_SERIAL and its kin, E_DISCONNECTED, E_DEVICE_TIMEOUT, E_DEVICE_FRAME
   */
  async exchange(request: ShdlcRequest, signal: AbortSignal): Promise<ShdlcAnswer> {
    const both = AbortSignal.any([signal, this.#closing.signal]);
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    try {
      await untilAborted(before, both);
      return await this.#transact(request, both);
    } catch (error) {
      if (both.aborted) throw this.#failure("E_DISCONNECTED", "the reading was cancelled");
      throw error;
    } finally {
      // Whoever gave up early still keeps the turn of the one before.
      void before.then(resolve);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#turn;
    const channel = this.#channel;
    this.#channel = undefined;
    await channel?.close();
  }

  async #transact(request: ShdlcRequest, signal: AbortSignal): Promise<ShdlcAnswer> {
    this.#channel ??= this.#listen(await this.#open(signal));
    const channel = this.#channel;
    if (signal.aborted) throw this.#failure("E_DISCONNECTED", "the reading was cancelled");
    this.#reader = new ShdlcReader();
    this.#broken = 0;
    try {
      return await this.#await(request, channel, signal);
    } catch (error) {
      // Now, not before the next command: flushing a port may discard what was just written.
      channel.discardInput();
      throw error;
    }
  }

  #listen(channel: ByteChannel): ByteChannel {
    channel.onData((bytes) => {
      const { answers, broken } = this.#reader.accept(bytes);
      this.#broken += broken;
      for (const answer of answers) {
        if (answer.command === this.#pending?.command) this.#pending.answer(answer);
      }
    });
    channel.onClose((reason) => {
      if (this.#channel === channel) this.#channel = undefined;
      this.#pending?.fail(reason);
    });
    return channel;
  }

  #await(request: ShdlcRequest, channel: ByteChannel, signal: AbortSignal): Promise<ShdlcAnswer> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", onAbort);
        this.#pending = undefined;
      };
      const fail = (error: unknown): void => {
        end();
        reject(error);
      };
      const onAbort = (): void => fail(this.#failure("E_DISCONNECTED", messageOf(signal.reason)));
      const timer = this.#clock.after(answerLimit, () => fail(this.#overdue()));
      const answer = (answer: ShdlcAnswer): void => {
        end();
        resolve(answer);
      };
      this.#pending = { command: request.command, answer, fail };
      signal.addEventListener("abort", onAbort, { once: true });
      channel.write(encodeRequest(request));
    });
  }

  #overdue(): GatewayError {
    if (this.#broken > 0) return this.#failure("E_DEVICE_FRAME", "an answer failed its checksum");
    return this.#failure("E_DEVICE_TIMEOUT", `no answer within ${answerLimit} ms`);
  }

  #failure(
    code: "E_DISCONNECTED" | "E_DEVICE_FRAME" | "E_DEVICE_TIMEOUT",
    why: string,
  ): GatewayError {
    return new GatewayError(code, `${this.#name}: ${why}`);
  }
}

/** Waits for a promise that does not reject, or until the signal aborts. */
function untilAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    void promise.then(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
  });
}

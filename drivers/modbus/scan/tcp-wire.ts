/**
 * Modbus TCP for looking around: one host, one request at a time. Answers say which request they
 * are for, so a late one is never taken for another's; it is still worth knowing who gave it.
 */
import type { Clock } from "../../../telemetry/index.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import type { ByteChannel } from "../../transport/channel.ts";
import type { MbapFrame } from "../mbap.ts";
import { encodeMbap, MbapReader } from "../mbap.ts";
import type { Ask, Heard, Stray, Wire } from "./wire.ts";
import { strayLimit } from "./wire.ts";

export interface TcpWireParts {
  readonly channel: ByteChannel;
  readonly clock: Clock;
  /** For messages. */
  readonly name: string;
}

interface Pending {
  readonly transaction: number;
  readonly unit: number;
  readonly settle: (heard: Heard) => void;
  readonly fail: (error: GatewayError) => void;
}

export class TcpWire implements Wire {
  readonly #parts: TcpWireParts;
  readonly #reader = new MbapReader();
  #transaction = 0;
  #pending: Pending | undefined;
  #strays: Stray[] = [];
  #lost: GatewayError | undefined;
  #sent = 0;

  constructor(parts: TcpWireParts) {
    this.#parts = parts;
    parts.channel.onData((bytes) => this.#received(bytes));
    parts.channel.onClose((reason) => {
      this.#lost = reason;
      this.#pending?.fail(reason);
    });
  }

  ask({ unit, pdu, timeout }: Ask, signal: AbortSignal): Promise<Heard> {
    const { clock, channel, name } = this.#parts;
    return new Promise((resolve, reject) => {
      if (this.#lost !== undefined) return reject(this.#lost);
      if (signal.aborted) return reject(stopped(name));
      const end = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", onAbort);
        this.#pending = undefined;
      };
      const settle = (heard: Heard): void => {
        end();
        resolve(heard);
      };
      const fail = (error: GatewayError): void => {
        end();
        reject(error);
      };
      const onAbort = (): void => fail(stopped(name));
      this.#transaction = (this.#transaction + 1) & 0xffff;
      const transaction = this.#transaction;
      const timer = clock.after(timeout, () => settle({ kind: "silence", sent: 1 }));
      signal.addEventListener("abort", onAbort, { once: true });
      this.#pending = { transaction, unit, settle, fail };
      this.#sent = clock.monotonic();
      channel.write(encodeMbap({ transaction, unit, pdu }));
    });
  }

  listen(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = this.#parts.clock.after(ms, end);
      signal.addEventListener("abort", end, { once: true });
    });
  }

  takeStrays(): Stray[] {
    const strays = this.#strays;
    this.#strays = [];
    return strays;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.channel.close();
  }

  #received(bytes: Uint8Array): void {
    let frames: MbapFrame[];
    try {
      frames = this.#reader.push(bytes);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      // Whatever listens there, it does not speak Modbus TCP.
      this.#lost = new GatewayError(error.code, `${this.#parts.name}: ${error.message}`);
      this.#pending?.fail(this.#lost);
      return;
    }
    for (const { transaction, unit, pdu } of frames) {
      const pending = this.#pending;
      if (pending !== undefined && transaction === pending.transaction && unit === pending.unit) {
        pending.settle({
          kind: "answer",
          pdu,
          after: Math.max(0, this.#parts.clock.monotonic() - this.#sent),
        });
      } else {
        this.#strays = [...this.#strays, { unit, pdu, request: false }].slice(-strayLimit);
      }
    }
  }
}

function stopped(name: string): GatewayError {
  return new GatewayError("E_DISCONNECTED", `${name}: the search was stopped`);
}

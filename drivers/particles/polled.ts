/** An SPS30 as a session: it is asked, because it speaks only when spoken to. */
import type { Clock, Reading } from "../../telemetry/index.ts";
import { GatewayError, sleep } from "../../telemetry/index.ts";
import type { Group, Origin, Session, Trace } from "../contract.ts";
import type { Values } from "./fields.ts";
import { pointOf, tracesOf } from "./fields.ts";
import type { ShdlcLine } from "./line.ts";
import { measuringPeriod, notNow, readMeasured, refused, startMeasurement } from "./sps30.ts";
import { valuesOf } from "./sps30.ts";

/** How often a value that is not there yet is asked for: it is there after one period. */
const asked = 4;

export interface PolledParts {
  readonly line: ShdlcLine;
  readonly release: () => Promise<void>;
  readonly clock: Clock;
  readonly channel: string;
  readonly origin: Origin;
}

export class Sps30Session implements Session {
  readonly groups: readonly Group[] = [{ name: "all", every: undefined }];
  readonly #parts: PolledParts;
  readonly #ending = new AbortController();
  #released: Promise<void> | undefined;

  constructor(parts: PolledParts) {
    this.#parts = parts;
  }

  async read(
    groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading> {
    const both = AbortSignal.any([signal, this.#ending.signal]);
    if (both.aborted) throw new GatewayError("E_DISCONNECTED", "the reading was cancelled");
    if (groups.length === 0) return { points: [], faults: [] };
    const values = await this.#values(both);
    for (const one of tracesOf(values, this.#parts.channel)) trace?.(one);
    return { points: [pointOf(values, this.#parts.channel)], faults: [] };
  }

  async #values(signal: AbortSignal): Promise<Values> {
    const { line, clock } = this.#parts;
    for (let left = asked; left > 0; left -= 1) {
      const answer = await line.exchange(readMeasured, signal);
      if ((answer.state & 0x7f) === notNow) await this.#start(signal);
      else {
        const values = valuesOf(answer);
        if (values !== undefined) return values;
      }
      await sleep(clock, measuringPeriod / 2, signal);
    }
    throw new GatewayError("E_DEVICE_TIMEOUT", "the sensor measures, but gives no values");
  }

  /** It may have been started meanwhile, by a second session. */
  async #start(signal: AbortSignal): Promise<void> {
    const { state } = await this.#parts.line.exchange(startMeasurement, signal);
    if ((state & 0x7f) !== 0 && (state & 0x7f) !== notNow) throw refused(state);
  }

  origin(): Origin {
    return this.#parts.origin;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    this.#released ??= this.#parts.release();
    await this.#released;
  }
}

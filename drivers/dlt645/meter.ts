/**
 * One meter: what its data identifiers hold, follow-up frames joined. A meter that answers to any
 * address is held to the data identifier alone.
 */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { PlannedExchange } from "../polled-plan.ts";
import type { Asker, Question, Talk } from "../transport/asking.ts";
import type { Frame } from "./frame.ts";
import { addressOf, control, encodeFrame, errorText, findFrame } from "./frame.ts";
import { identifierBytes, isFrom, mostData } from "./frame.ts";

export interface MeterSpec {
  readonly asker: Asker;
  readonly clock: Clock;
  /** Digits, or undefined for whichever meter there is. */
  readonly number: string | undefined;
  /** @unit ms */
  readonly timeout: number;
}

/** Frames of one identifier, so that a meter cannot keep the line for ever. */
const followLimit = 16;

/** How long an identifier that the meter lacks is not asked for again. @unit ms */
const probeAfter = 15 * 60_000;

/** The bit of the error word for that. */
const noSuchData = 0x02;

interface Request {
  readonly identifier: string;
  readonly control: number;
  /** Number of a follow-up frame, from 1; 0 is none. */
  readonly sequence: number;
}

/** What a meter said to one request. */
interface Said {
  readonly data: Uint8Array;
  readonly more: boolean;
}

/** What asking for an identifier takes, when its block ends with the last field wanted. */
export function exchangeOf(
  identifier: string,
  fields: readonly { readonly at: number; readonly bytes: number }[],
): PlannedExchange {
  const request = identifier.length / 2;
  const block = Math.max(...fields.map(({ at, bytes }) => at + bytes));
  const around = encodeFrame({ address: addressOf(undefined), control: 0, data: new Uint8Array() });
  const question = around.length + request;
  return { at: identifier, wanted: fields.length, question, answer: question + block };
}

export class Meter {
  readonly #spec: MeterSpec;
  readonly #address: Uint8Array;
  /** Identifiers that the meter lacks, with the time to ask again; bounded by the profile. */
  readonly #lacking = new Map<string, number>();

  constructor(spec: MeterSpec) {
    this.#spec = spec;
    this.#address = addressOf(spec.number);
  }

  /**
   * The bytes that follow a data identifier. [DLT645-2007 7.1]
   * @throws E_DEVICE_REFUSED and what `Talk.ask` throws
   */
  read(identifier: string, signal: AbortSignal): Promise<Uint8Array> {
    if ((this.#lacking.get(identifier) ?? 0) > this.#spec.clock.monotonic()) {
      return Promise.reject(this.#refused(identifier, noSuchData));
    }
    this.#lacking.delete(identifier);
    return this.#spec.asker.talk(async (talk) => {
      const old = identifier.length === 4;
      const code = old ? control.readOld : control.read;
      const first = await this.#ask(talk, { identifier, control: code, sequence: 0 });
      const parts = [first.data];
      let { more } = first;
      for (let sequence = 1; more; sequence += 1) {
        if (old || sequence > followLimit) {
          throw this.#failure(`${identifier}: the answer goes on over too many frames`);
        }
        const request = { identifier, control: control.readMore, sequence };
        const next = await this.#ask(talk, request);
        parts.push(next.data);
        ({ more } = next);
      }
      return Uint8Array.from(Buffer.concat(parts));
    }, signal);
  }

  /** Believes nothing of what the meter refused: one that refuses everything may be starting. */
  forget(): void {
    this.#lacking.clear();
  }

  async #ask(talk: Talk, request: Request): Promise<Said> {
    const frame = await talk.ask(this.#question(request));
    const { identifier, sequence } = request;
    if ((frame.control & control.abnormal) !== 0) {
      const [word = 0] = frame.data;
      if ((word & noSuchData) !== 0) {
        this.#lacking.set(identifier, this.#spec.clock.monotonic() + probeAfter);
      }
      throw this.#refused(identifier, word);
    }
    const data = frame.data.slice(identifier.length / 2, sequence > 0 ? -1 : undefined);
    return { data, more: (frame.control & control.moreFollows) !== 0 };
  }

  #question(request: Request): Question<Frame> {
    const { identifier, sequence } = request;
    const data = [...identifierBytes(identifier), ...(sequence > 0 ? [sequence] : [])];
    const address = this.#address;
    const name = this.#spec.number ?? "any";
    return {
      what: `meter ${name}, ${identifier}${sequence > 0 ? ` part ${sequence}` : ""}`,
      who: name,
      bytes: encodeFrame({ address, control: request.control, data: Uint8Array.from(data) }),
      take: (received) => findFrame(received, (frame) => this.#answers(frame, request)),
      timeout: this.#spec.timeout,
      most: mostData + 16,
    };
  }

  /** Whether a frame answers a request: its meter, its function, its identifier and number. */
  #answers({ address, control: code, data }: Frame, request: Request): boolean {
    const flags = control.fromMeter | control.abnormal | control.moreFollows;
    if ((code & control.fromMeter) === 0 || (code & ~flags) !== request.control) return false;
    if (!isFrom(this.#address, address)) return false;
    if ((code & control.abnormal) !== 0) return data.length === 1;
    const identifier = identifierBytes(request.identifier);
    if (data.length < identifier.length + (request.sequence > 0 ? 1 : 0)) return false;
    if (!identifier.every((byte, at) => data[at] === byte)) return false;
    return request.sequence === 0 || data.at(-1) === request.sequence;
  }

  #refused(identifier: string, word: number): GatewayError {
    return this.#failure(`${identifier}: ${errorText(word)}`);
  }

  #failure(why: string): GatewayError {
    const name = this.#spec.number ?? "any";
    return new GatewayError("E_DEVICE_REFUSED", `meter ${name}: ${why}`);
  }
}

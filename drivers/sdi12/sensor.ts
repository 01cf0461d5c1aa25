/**
 * One SDI-12 sensor. A measurement with `M` has the bus for itself, as a command to anybody would
 * abort it; after `C` the others may be asked while it measures. [SDI12-1.4 4.4]
 */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError, sleep } from "../../telemetry/index.ts";
import type { Asker, Question, Talk } from "../transport/asking.ts";
import { cancelled } from "../transport/asking.ts";
import type { Identification, Promised } from "./lines.ts";
import { anyAddress, decodeIdentification, decodePromise, decodeValues } from "./lines.ts";
import { findLine, longestAnswer } from "./lines.ts";

export interface SensorSpec {
  readonly asker: Asker;
  readonly clock: Clock;
  /** Its address, or `?` for the only one. */
  readonly address: string;
  /** Values are asked for with a CRC. */
  readonly crc: boolean;
  /** Whether the serial line makes the break. */
  readonly breaks: boolean;
  /** What it must say of itself. */
  readonly expected: Partial<Identification>;
  /** @unit ms */
  readonly timeout: number;
}

/**
 * Sensors sleep after 100 ms without a sign; a break of 12 ms wakes them, and a rest of 8.33 ms
 * must follow. A little more of each, as an operating system is late. [SDI12-1.4 7.0]
 */
const wake = { idle: 75, hold: 15, rest: 12 } as const;

/** A service request may be this much later than promised. @unit ms */
const requestMargin = 500;

/** `aD0!` to `aD9!`. [SDI12-1.4 4.4] */
const dataCommands = 10;

export class Sensor {
  readonly #spec: SensorSpec;
  /** Its address once it is known. */
  #address: string | undefined;
  #identified: boolean;

  constructor(spec: SensorSpec) {
    this.#spec = spec;
    this.#address = spec.address === anyAddress ? undefined : spec.address;
    this.#identified = spec.expected.vendor === undefined && spec.expected.model === undefined;
  }

  /** For messages: `sensor 0`. */
  get name(): string {
    return `sensor ${this.#address ?? this.#spec.address}`;
  }

  /**
   * The values that a measurement gives: `M`, `C1`, `R0` …
   * @throws E_DEVICE_REFUSED and what `Talk.ask` throws
   */
  async measure(command: string, signal: AbortSignal): Promise<readonly string[]> {
    const { asker, clock } = this.#spec;
    const kind = command[0] ?? "";
    const begun = await asker.talk(async (talk) => {
      await this.#meet(talk);
      if (kind === "R") return await this.#values(talk, this.#coded(command));
      const promised = await this.#start(talk, command);
      if (kind === "C") return promised;
      if (promised.seconds > 0) await this.#serviceRequest(talk, promised);
      return await this.#collect(talk, promised.count);
    }, signal);
    if (!("seconds" in begun)) return begun;
    await sleep(clock, begun.seconds * 1000, signal);
    if (signal.aborted) throw cancelled(signal);
    return await asker.talk((talk) => this.#collect(talk, begun.count), signal);
  }

  /** Learns the address if it must, and makes sure that it is the sensor of the profile. */
  async #meet(talk: Talk): Promise<void> {
    this.#address ??= await talk.ask(
      this.#question("?", (line, own) => (line === "" ? own : undefined)),
    );
    if (this.#identified) return;
    const { expected } = this.#spec;
    const { vendor, model } = await talk.ask(this.#question("I", decodeIdentification));
    if (!fits(expected.vendor, vendor) || !fits(expected.model, model)) {
      throw this.#refusal(`it is a ${vendor} ${model}, the profile is of another`);
    }
    this.#identified = true;
  }

  async #start(talk: Talk, command: string): Promise<Promised> {
    const promised = await talk.ask(this.#question(this.#coded(command), decodePromise));
    if (promised.count > 0) return promised;
    throw this.#refusal(`it has no measurement ${command}`);
  }

  /** Waits for the sign that the values are there; none: the time is up all the same. */
  async #serviceRequest(talk: Talk, { seconds }: Promised): Promise<void> {
    const question = this.#question("", (line) => (line === "" ? true : undefined));
    try {
      await talk.ask({ ...question, timeout: seconds * 1000 + requestMargin });
    } catch (error) {
      const late = error instanceof GatewayError && error.code === "E_DEVICE_TIMEOUT";
      if (!late) throw error;
    }
  }

  async #collect(talk: Talk, count: number): Promise<readonly string[]> {
    const values: string[] = [];
    for (let index = 0; index < dataCommands && values.length < count; index += 1) {
      const more = await this.#values(talk, `D${index}`);
      if (more.length === 0) break;
      values.push(...more);
    }
    if (values.length > 0) return values;
    throw this.#refusal("it gave up the measurement");
  }

  #values(talk: Talk, command: string): Promise<readonly string[]> {
    const { crc } = this.#spec;
    return talk.ask(this.#question(command, (line, own) => decodeValues(line, own, crc)));
  }

  /** A command with the letter that asks for a CRC: `M1` → `MC1`. */
  #coded(command: string): string {
    return this.#spec.crc ? `${command[0]}C${command.slice(1)}` : command;
  }

  #question<Answer>(
    command: string,
    read: (line: string, address: string) => Answer | undefined,
  ): Question<Answer> {
    const { timeout, breaks } = this.#spec;
    const address = this.#address ?? anyAddress;
    const text = command === "" ? "" : `${command === "?" ? "" : address}${command}!`;
    return {
      what: `${this.name}: ${text === "" ? "service request" : text}`,
      who: this.name,
      bytes: Buffer.from(text, "latin1"),
      take: (received) => findLine(received, { command: text, address }, read),
      timeout,
      most: longestAnswer,
      wake: breaks ? wake : undefined,
    };
  }

  #refusal(why: string): GatewayError {
    return new GatewayError("E_DEVICE_REFUSED", `${this.name}: ${why}`);
  }
}

function fits(expected: string | undefined, said: string): boolean {
  return expected === undefined || expected.toUpperCase() === said.toUpperCase();
}

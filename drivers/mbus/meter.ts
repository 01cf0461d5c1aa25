/**
 * One meter on an M-Bus: a read-out begins at its first telegram, whatever was asked before, and
 * goes on while it says that more follow. [MBUS-DOC 5.3] [MBUS-DOC 6.3]
 *
 *   primary     SND_NKE ─► E5 ─► REQ_UD2 ─► RSP_UD ─► REQ_UD2 (count toggled) ─► …
 *   secondary   SND_UD select ─► E5 ─► REQ_UD2 to 253 ─► …
 */
import type { Fault } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { PlannedExchange } from "../polled-plan.ts";
import type { Asker, Talk } from "../transport/asking.ts";
import type { LongFrame } from "./frame.ts";
import { acknowledgement, addresses, controls, encodeLong, encodeShort } from "./frame.ts";
import { findResponse, longestFrame } from "./frame.ts";
import type { DataRecord } from "./records.ts";
import type { Identity, Response } from "./response.ts";
import { decodeResponse, isSelected, refusalOf, selectionOf } from "./response.ts";

export interface MeterSpec {
  readonly asker: Asker;
  readonly whom: number | Identity;
  /** Most telegrams of one read-out. */
  readonly telegrams: number;
  /** @unit ms */
  readonly timeout: number;
}

export interface ReadOut {
  readonly records: readonly DataRecord[];
  readonly status: number;
  /** A telegram after the first that did not come. */
  readonly faults: readonly Fault[];
}

/** What the data of a frame are that selects a meter. [MBUS-DOC 7.1] */
const selection = 0x52;

/** A telegram of a meter that was not read yet. @unit bytes */
const usualTelegram = 120;

export class Meter {
  readonly #spec: MeterSpec;
  /** Lengths of the telegrams that it gave last; bounded by `telegrams`. @unit bytes */
  #telegrams: readonly number[] = [usualTelegram];
  /** For messages: `meter 5`, `meter 24083345 KAM`. */
  readonly name: string;

  constructor(spec: MeterSpec) {
    this.#spec = spec;
    const { whom } = spec;
    const who = typeof whom === "number" ? String(whom) : `${whom.id} ${whom.manufacturer ?? ""}`;
    this.name = `meter ${who.trim()}`;
  }

  /**
   * All telegrams of the meter; one after the first that does not come is a fault.
   * @throws E_DEVICE_REFUSED and what `Talk.ask` throws
   */
  read(signal: AbortSignal): Promise<ReadOut> {
    const { asker, telegrams } = this.#spec;
    return asker.talk(async (talk) => {
      await this.#address(talk);
      this.#telegrams = [];
      const first = await this.#telegram(talk, 1);
      const records = [...first.records];
      let { more, status } = first;
      for (let number = 2; more && number <= telegrams; number += 1) {
        try {
          const next = await this.#telegram(talk, number);
          records.push(...next.records);
          ({ more } = next);
          status |= next.status;
        } catch (error) {
          if (!(error instanceof GatewayError) || signal.aborted) throw error;
          const fault: Fault = { code: error.code, at: `telegram ${number}` };
          return { records, status, faults: [fault] };
        }
      }
      return { records, status, faults: [] };
    }, signal);
  }

  /** The frame count toggles, else the meter repeats what it said. [MBUS-DOC 5.3] */
  async #telegram(talk: Talk, number: number): Promise<Response> {
    const { whom } = this.#spec;
    const to = typeof whom === "number" ? whom : addresses.selected;
    const count = number % 2 === 1 ? controls.frameCount : 0;
    const bytes = encodeShort(controls.request | count, to);
    const frame = await this.#request(talk, { bytes, number });
    this.#telegrams = [...this.#telegrams, encodeLong(frame).length];
    return this.#understood(frame);
  }

  /** What a read-out takes, by what the last one was. */
  exchanges(wanted: number): PlannedExchange[] {
    const short = encodeShort(0, 0).length;
    const begin = { at: "begin", wanted: 0, question: this.#beginning().length, answer: 1 };
    const read = this.#telegrams.map((answer, index): PlannedExchange => {
      return { at: `telegram ${index + 1}`, wanted, question: short, answer };
    });
    return [begin, ...read];
  }

  /** Makes the meter begin at its first telegram. */
  async #address(talk: Talk): Promise<void> {
    const { whom, timeout } = this.#spec;
    const bytes = this.#beginning();
    await talk.ask({
      what: `${this.name}: ${typeof whom === "number" ? "SND_NKE" : "select"}`,
      who: this.name,
      bytes,
      take: (received) => acknowledged(received, bytes),
      timeout,
      most: 1,
    });
  }

  #beginning(): Uint8Array {
    const { whom } = this.#spec;
    if (typeof whom === "number") return encodeShort(controls.reset, whom);
    const data = selectionOf(whom);
    const { select } = controls;
    return encodeLong({
      control: select,
      address: addresses.selected,
      information: selection,
      data,
    });
  }

  #request(
    talk: Talk,
    { bytes, number }: { readonly bytes: Uint8Array; readonly number: number },
  ): Promise<LongFrame> {
    return talk.ask({
      what: `${this.name}: REQ_UD2${number > 1 ? ` telegram ${number}` : ""}`,
      who: this.name,
      bytes,
      take: (received) => findResponse(received, (frame) => this.#isOurs(frame)),
      timeout: this.#spec.timeout,
      most: longestFrame,
    });
  }

  #isOurs(frame: LongFrame): boolean {
    const { whom } = this.#spec;
    if (typeof whom === "number") return whom === addresses.whoever || frame.address === whom;
    if (refusalOf(frame) !== undefined) return frame.address <= addresses.selected;
    const { identity } = decodeResponse(frame);
    return identity === undefined || isSelected(whom, identity);
  }

  #understood(frame: LongFrame): Response {
    const refusal = refusalOf(frame);
    if (refusal === undefined) return decodeResponse(frame);
    throw new GatewayError("E_DEVICE_REFUSED", `${this.name}: ${refusal}`);
  }
}

/** The acknowledgement, behind the question's own echo where the adapter hears itself. */
function acknowledged(received: Uint8Array, sent: Uint8Array): true | undefined {
  const same = received.findIndex((byte, at) => byte !== sent[at]);
  if (same === -1) return undefined;
  const rest = same >= sent.length ? received.subarray(sent.length) : received;
  return rest.at(-1) === acknowledgement ? true : undefined;
}

/** One UMB device: the values of its channels, in as few requests as answers have room. */
import type { Fault } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { askParts } from "../polled-parts.ts";
import type { PlannedExchange } from "../polled-plan.ts";
import type { Asker } from "../transport/asking.ts";
import type { ChannelAnswer, OnlineData } from "./channels.ts";
import { channelLimit, decodeAnswer, encodeRequest, isNoValue } from "./channels.ts";
import { onlineData, statusText } from "./channels.ts";
import type { Frame } from "./frame.ts";
import { encodeFrame, findFrame, longestFrame, masterAddress } from "./frame.ts";

export interface StationSpec {
  readonly asker: Asker;
  readonly address: number;
  /** @unit ms */
  readonly timeout: number;
}

export interface StationAnswer {
  readonly channels: ReadonlyMap<number, ChannelAnswer>;
  readonly faults: readonly Fault[];
}

export class Station {
  readonly #spec: StationSpec;
  /** For messages: `device 7001`. */
  readonly name: string;

  constructor(spec: StationSpec) {
    this.#spec = spec;
    this.name = `device ${spec.address.toString(16).padStart(4, "0")}`;
  }

  /**
   * What the channels hold; one without a value at the moment is left out.
   * @throws E_DEVICE_REFUSED and what `Talk.ask` throws
   */
  async read(wanted: readonly number[], signal: AbortSignal): Promise<StationAnswer> {
    const parts = partsOf(wanted);
    const { asker } = this.#spec;
    const { answers, faults } = await asker.talk((talk) => {
      const ask = async (part: readonly number[]): Promise<OnlineData> => {
        const data = await talk.ask(this.#question(part));
        if (data.status === 0) return data;
        const why = `${this.name}: ${statusText(data.status)}`;
        throw new GatewayError("E_DEVICE_REFUSED", why);
      };
      return askParts({ parts, ask, at: nameOf }, signal);
    }, signal);
    const channels = new Map([...answers.values()].flatMap(({ channels }) => [...channels]));
    const refused = [...channels].filter(([, { status }]) => status !== 0 && !isNoValue(status));
    const more = refused.map(([channel, { status }]): Fault => {
      return { code: "E_DEVICE_REFUSED", at: `channel ${channel}: ${statusText(status)}` };
    });
    return { channels, faults: [...faults, ...more] };
  }

  #question(part: readonly number[]) {
    const { address, timeout } = this.#spec;
    return {
      what: `${this.name}: ${nameOf(part)}`,
      who: this.name,
      bytes: encodeFrame({
        to: address,
        from: masterAddress,
        command: onlineData.command,
        commandVersion: onlineData.version,
        payload: encodeRequest(part),
      }),
      take: (received: Uint8Array) => this.#answer(received, part),
      timeout,
      most: longestFrame,
    };
  }

  /** An answer to this question: from this device, of these channels. */
  #answer(received: Uint8Array, part: readonly number[]): OnlineData | undefined {
    let data: OnlineData | undefined;
    const wanted = ({ from, to, command, payload }: Frame): boolean => {
      if (from !== this.#spec.address || to !== masterAddress) return false;
      if (command !== onlineData.command) return false;
      const answer = decodeAnswer(payload);
      if (answer === undefined) return false;
      const keys = [...answer.channels.keys()];
      const fits = answer.status !== 0 || part.every((channel) => keys.includes(channel));
      if (fits) data = answer;
      return fits;
    };
    findFrame(received, wanted);
    return data;
  }
}

/** Channels that are asked for together. */
function partsOf(wanted: readonly number[]): number[][] {
  const parts: number[][] = [];
  for (let at = 0; at < wanted.length; at += channelLimit) {
    parts.push(wanted.slice(at, at + channelLimit));
  }
  return parts;
}

/** What asking for channels takes, when all are singles, as nearly all are. */
export function exchangesOf(wanted: readonly number[]): PlannedExchange[] {
  const around = encodeFrame({ ...noFrame, payload: new Uint8Array() }).length;
  return partsOf(wanted).map((part): PlannedExchange => {
    const question = around + encodeRequest(part).length;
    const answer = around + 2 + part.length * singleBytes;
    return { at: nameOf(part), wanted: part.length, question, answer };
  });
}

/** Length, status, channel, type and value of a single in an answer. */
const singleBytes = 9;
const noFrame = { to: 0, from: 0, command: 0, commandVersion: 0 };

function nameOf(part: readonly number[]): string {
  const [first = 0] = part;
  const last = part.at(-1) ?? first;
  return part.length < 2 ? `channel ${first}` : `channels ${first} to ${last}`;
}

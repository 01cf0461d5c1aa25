/**
 * A serial segment under virtual time: slaves that answer as a test tells them, bytes that take
 * their time, answers that collide when they are on the wire at once.
 */
import type { ByteChannel } from "../../../../drivers/transport/channel.ts";
import { crcFits, encodeRtu } from "../../../../drivers/modbus/rtu.ts";
import { characterTime } from "../../../../drivers/transport/timing.ts";
import { decodeReadRequest, encodeException } from "../../../../drivers/modbus/pdu.ts";
import { encodeReadReply } from "../../../../drivers/modbus/pdu.ts";
import type { LineSetting } from "../../../../drivers/modbus/scan/settings.ts";
import { settingName } from "../../../../drivers/modbus/scan/settings.ts";
import { serialWire } from "../../../../drivers/modbus/scan/open.ts";
import type { Wire } from "../../../../drivers/modbus/scan/wire.ts";
import type { VirtualClock } from "../../../virtual.ts";

export interface Slave {
  /** Undefined: every address. */
  readonly unit: number | undefined;
  /** Thinks this long. @unit ms */
  readonly after: number;
  /** The PDU it answers, or nothing. */
  readonly answer: (pdu: Uint8Array) => Uint8Array | undefined;
  /** Bytes on the wire instead of a right frame. */
  readonly garble?: (frame: Uint8Array) => Uint8Array;
  /** `9600 8N1`, where it listens; undefined: the segment's. */
  readonly setting?: string;
  /** The master's adapter hears itself. */
  readonly echo?: boolean;
}

/** Registers by address; exception 2 elsewhere. */
export function registers(words: Readonly<Record<number, number>>): Slave["answer"] {
  return (pdu) => {
    const span = decodeReadRequest(pdu);
    if (span === undefined) return encodeException(pdu, 1);
    const values = Array.from({ length: span.count }, (_, index) => words[span.at + index]);
    if (values.includes(undefined)) return encodeException(pdu, 2);
    return encodeReadReply(
      span,
      values.map((value) => value ?? 0),
    );
  };
}

/** Answers 0 for any register. */
export const zeros: Slave["answer"] = (pdu) => {
  const span = decodeReadRequest(pdu);
  return span === undefined ? encodeException(pdu, 1) : encodeReadReply(span, []);
};

export function slave(unit: number | undefined, more: Partial<Slave> = {}): Slave {
  return { unit, after: 5, answer: zeros, ...more };
}

/** Request frames as they were written: unit and PDU. */
export interface Written {
  readonly setting: string;
  readonly unit: number;
  readonly pdu: Uint8Array;
  readonly at: number;
}

/** A USB adapter hands over what it heard this much later. @unit ms */
const latency = 5;

export class Segment {
  readonly written: Written[] = [];
  readonly #clock: VirtualClock;
  readonly #slaves: readonly Slave[];
  readonly #setting = "9600 8N1";
  readonly #echo: boolean;

  constructor(clock: VirtualClock, slaves: readonly Slave[], { echo = false } = {}) {
    this.#clock = clock;
    this.#slaves = slaves;
    this.#echo = echo;
  }

  open(setting: LineSetting): Promise<Wire> {
    const channel = this.#channel(setting);
    return Promise.resolve(serialWire({ channel, clock: this.#clock, name: "segment" }, setting));
  }

  #channel(setting: LineSetting): ByteChannel {
    const name = settingName(setting);
    const character = characterTime(setting);
    let listener: (bytes: Uint8Array) => void = () => {};
    let open = true;
    /** Answers on the wire, to know collisions. */
    const busy: { from: number; to: number; frame: Uint8Array; spoilt: boolean }[] = [];
    const say = (frame: Uint8Array, wait: number): void => {
      const from = this.#clock.monotonic() + wait;
      const to = from + frame.length * character;
      const mine = { from, to, frame, spoilt: false };
      for (const other of busy) {
        if (other.to <= from || other.from >= to) continue;
        other.spoilt = true;
        mine.spoilt = true;
      }
      busy.push(mine);
      this.#clock.after(wait + frame.length * character, () => {
        busy.splice(busy.indexOf(mine), 1);
        const heard = mine.spoilt ? mine.frame.map((byte) => byte ^ 0x55) : mine.frame;
        if (open) listener(heard);
      });
    };
    return {
      write: (frame) => {
        const [unit = 0] = frame;
        const pdu = frame.slice(1, -2);
        if (!crcFits(frame)) throw new Error("a request with a wrong checksum");
        this.written.push({ setting: name, unit, pdu, at: this.#clock.monotonic() });
        const sending = frame.length * character;
        if (this.#echo) this.#clock.after(sending + latency, () => open && listener(frame));
        for (const one of this.#slaves) {
          if ((one.setting ?? this.#setting) !== name || (one.unit ?? unit) !== unit) continue;
          const answer = one.answer(pdu);
          if (answer === undefined) continue;
          const reply = encodeRtu(unit, answer);
          say(one.garble?.(reply) ?? reply, sending + one.after);
        }
      },
      onData: (onData) => {
        listener = onData;
      },
      onClose: () => {},
      discardInput: () => {},
      close: () => {
        open = false;
        return Promise.resolve();
      },
    };
  }
}

/**
 * A line under virtual time whose units answer late, twice, damaged, for each other or not at all.
 * Each value says whose it is: unit, table, address, and the generation in which it was read. A
 * new generation begins before each request, so that a stale answer shows.
 *
 *   | unit 2 | input 1 | address 7 | generation 6 |   bits of a register
 *
 * What is not played, because no RTU client could tell: a copy of an answer that begins after the
 * next request of the same form has left.
 */
import { Line } from "../../../drivers/modbus/line.ts";
import type { Span } from "../../../drivers/modbus/pdu.ts";
import {
  dataBytes,
  decodeReadReply,
  decodeReadRequest,
  encodeRead,
  encodeReadReply,
  ModbusException,
} from "../../../drivers/modbus/pdu.ts";
import { encodeRtu, frameSilence, RtuFraming } from "../../../drivers/modbus/rtu.ts";
import type { ByteChannel } from "../../../drivers/transport/channel.ts";
import { characterTime } from "../../../drivers/transport/timing.ts";
import { assertNever, GatewayError, sleep } from "../../../telemetry/index.ts";
import { SeededEntropy, VirtualClock } from "../../virtual.ts";
import { Damage } from "./damage.ts";

/** How bytes arrive: a few at a time, frames at once as slow adapters give them, over TCP. */
export type WireKind = "uart" | "usb" | "rtu+tcp";

export interface Tally {
  /** Answers that were sent or withheld. */
  readonly replies: number;
  readonly asked: number;
  readonly right: number;
  /** Values taken for another place's or an older time's. */
  readonly wrong: number;
  /** Values that nobody sent: damage whose CRC is right, which happens once in 65,536. */
  readonly unseen: number;
  readonly refused: number;
  readonly failed: number;
  /** How often each fault was played. */
  readonly faults: Readonly<Record<string, number>>;
}

/** Frames remembered of those sent: more than may be under way. */
const remembered = 64;

/** How long a unit may take. @unit ms */
const timeout = 200;
const units = [1, 2, 3] as const;
const generations = 64;

const faults = [
  ...Array.from({ length: 8 }, () => "none" as const),
  "late",
  "late",
  "silent",
  "exception",
  "late exception",
  "foreign before",
  "foreign instead",
  "two at once",
  "split",
  "merged",
  "corrupted",
  "corrupted",
  "twice",
  "twice and late",
] as const;
type Fault = (typeof faults)[number];

const ofOthers: ReadonlySet<Fault> = new Set([
  "foreign before",
  "foreign instead",
  "two at once",
] as const);

/** Equal lengths in a row, another length, both tables; bits whose echo looks like a reply. */
const spans: readonly Span[] = [
  ...[0, 10, 20, 30].map((at) => ({ table: "holding", at, count: 10 }) as const),
  { table: "holding", at: 40, count: 2 },
  { table: "holding", at: 50, count: 4 },
  { table: "holding", at: 60, count: 4 },
  { table: "input", at: 0, count: 10 },
  { table: "input", at: 100, count: 1 },
  { table: "coil", at: 0x0320, count: 20 },
  { table: "coil", at: 0x0340, count: 20 },
];

export class FuzzedLine {
  readonly #clock = new VirtualClock();
  readonly #entropy: SeededEntropy;
  readonly #damage: Damage;
  readonly #kind: WireKind;
  readonly #overTcp: boolean;
  readonly #line: Line;
  /** When each unit is done with what it was asked: it answers in order. */
  readonly #busyUntil = new Map<number, number>();
  readonly #counts = new Map<Fault, number>();
  /** The newest frames that units have sent, undamaged. */
  readonly #spoken: string[] = [];
  #receive: ((bytes: Uint8Array) => void) | undefined;
  #generation = 0;
  #replies = 0;
  #echoes = false;

  constructor(seed: number, kind: WireKind) {
    this.#entropy = new SeededEntropy(seed);
    this.#damage = new Damage(this.#entropy);
    this.#kind = kind;
    this.#overTcp = kind === "rtu+tcp";
    this.#line = new Line(
      {
        name: kind,
        connect: () => Promise.resolve(this.#connect()),
        framing: new RtuFraming(),
        reconnects: this.#overTcp,
        gap: !this.#overTcp ? gap : 0,
        quiet: !this.#overTcp ? 20 : 50,
        character: !this.#overTcp ? character : 0,
      },
      this.#clock,
    );
  }

  /** Asks until so many answers have been played. */
  async run(replies: number): Promise<Tally> {
    const outcome = { asked: 0, right: 0, wrong: 0, unseen: 0, refused: 0, failed: 0 };
    const ask = async (): Promise<void> => {
      while (this.#replies < replies) {
        outcome[await this.#ask()] += 1;
        outcome.asked += 1;
        if (this.#chance(0.01)) this.#echoes = !this.#overTcp && !this.#echoes;
        if (this.#chance(0.1)) await sleep(this.#clock, this.#between(0, 600));
      }
    };
    const asking = ask();
    while (this.#replies < replies) await this.#clock.advance(60_000);
    await this.#clock.advance(60_000);
    await asking;
    await this.#line[Symbol.asyncDispose]();
    return { replies: this.#replies, ...outcome, faults: Object.fromEntries(this.#counts) };
  }

  async #ask(): Promise<"right" | "wrong" | "unseen" | "refused" | "failed"> {
    this.#generation = (this.#generation + 1) % generations;
    const unit = this.#pick(units);
    const span = this.#pick(spans);
    const asked = this.#generation;
    const exchange = { unit, pdu: encodeRead(span), timeout, pause: 0, hurry: this.#chance(0.1) };
    try {
      const reply = await this.#line.exchange(exchange, never);
      const words = decodeReadReply(span, reply);
      const wanted = this.#valuesOf(unit, span, asked);
      if (words.every((word, at) => word === wanted[at])) return "right";
      return this.#spoken.includes(hexOf(encodeRtu(unit, reply))) ? "wrong" : "unseen";
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      if (!(error instanceof ModbusException)) return "failed";
      // A refusal says in its code which generation it answers.
      return error.exception === exceptionOf(asked) ? "refused" : "wrong";
    }
  }

  #connect(): ByteChannel {
    let listener: ((bytes: Uint8Array) => void) | undefined;
    const receive = (bytes: Uint8Array): void => listener?.(bytes);
    this.#receive = receive;
    return {
      write: (frame) => this.#sent(frame),
      onData: (onData) => {
        listener = onData;
      },
      onClose: () => {},
      discardInput: () => {},
      close: () => {
        listener = undefined;
        return Promise.resolve();
      },
    };
  }

  #sent(frame: Uint8Array): void {
    const [unit = 0] = frame;
    const pdu = frame.slice(1, -2);
    const span = decodeReadRequest(pdu);
    if (span === undefined) throw new Error("what was sent is no read request");
    const heard = this.#clock.monotonic() + frame.length * character;
    if (this.#echoes) {
      const echo = this.#chance(0.2) ? this.#damage.corrupt(frame) : frame;
      this.#deliver(
        this.#chance(0.3) ? this.#damage.split(echo) : [echo],
        frame.length * character,
      );
    }
    const begin = Math.max(heard, this.#busyUntil.get(unit) ?? 0);
    const fault = this.#faultFor(begin > heard);
    this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + 1);
    this.#replies += 1;
    const late = fault === "late" || fault === "late exception" || fault === "twice and late";
    const think = late ? timeout * this.#between(0.8, 3) : this.#between(4, 60);
    // It speaks to the end, twice if it must, before it turns to the next request.
    const speaks = this.#overTcp ? 0 : (3 * (dataBytes(span) + 5) + 16) * character;
    this.#busyUntil.set(unit, begin + think + speaks);
    this.#clock.after(begin - this.#clock.monotonic(), () => {
      const values = this.#valuesOf(unit, span, this.#generation);
      const refusal = Uint8Array.of((pdu[0] ?? 0) | 0x80, exceptionOf(this.#generation));
      const refused = fault === "exception" || fault === "late exception";
      const reply = encodeRtu(unit, refused ? refusal : encodeReadReply(span, values));
      // Another unit's answer of the same form, of the time in which it is sent.
      const other = unit === 1 ? 2 : 1;
      const foreign = encodeRtu(
        other,
        encodeReadReply(span, this.#valuesOf(other, span, this.#generation)),
      );
      this.#spoken.push(hexOf(reply), hexOf(foreign));
      this.#spoken.splice(0, this.#spoken.length - remembered);
      this.#deliver(this.#played(fault, reply, foreign), think);
    });
  }

  #faultFor(busy: boolean): Fault {
    // A line shows its speed first: frames that an adapter held back are known by it.
    if (this.#kind === "usb" && this.#replies < 10) return "none";
    const fault = this.#pick(faults);
    // Who answers for another does so at once, not when that one would have got to it.
    return busy && ofOthers.has(fault) ? "none" : fault;
  }

  /** What comes over the wire for a reply, in pieces. */
  #played(fault: Fault, reply: Uint8Array, foreign: Uint8Array): readonly Uint8Array[] {
    switch (fault) {
      case "silent":
        return [];
      case "foreign before":
        return [foreign, reply];
      case "foreign instead":
        return [foreign];
      case "two at once":
        return this.#chance(0.5)
          ? [this.#damage.collide(reply, foreign)]
          : this.#inOne([reply, foreign]);
      case "split":
        return this.#damage.split(reply);
      case "merged":
        return [Uint8Array.from([...this.#damage.noise(), ...reply, ...this.#damage.noise()])];
      case "corrupted":
        return [this.#damage.corrupt(reply)];
      case "twice":
      case "twice and late":
        return this.#inOne([reply, reply]);
      case "none":
      case "late":
      case "exception":
      case "late exception":
        return [reply];
      default:
        return assertNever(fault);
    }
  }

  /** Over TCP, what comes in one moment may not come after the next request. */
  #inOne(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
    return this.#overTcp || this.#chance(0.5) ? [joined(pieces)] : pieces;
  }

  /** Hands pieces over one after the other, each a moment after the one before. */
  #deliver(pieces: readonly Uint8Array[], after: number): void {
    const receive = this.#receive;
    let at = after;
    for (const piece of pieces) {
      const step = this.#kind === "uart" ? uartBytes : piece.length;
      for (let from = 0; from < piece.length; from += step) {
        const part = piece.subarray(from, from + step);
        at += this.#overTcp ? 0 : part.length * character;
        this.#clock.after(at, () => receive?.(part));
      }
      // Less than the silence that ends a frame.
      at += this.#between(0, gap - uartBytes * character);
    }
  }

  #valuesOf(unit: number, span: Span, generation: number): readonly number[] {
    const word = (at: number): number =>
      (unit << 14) | ((span.table === "input" ? 1 : 0) << 13) | ((at & 0x7f) << 6) | generation;
    return Array.from({ length: span.count }, (_, index) =>
      span.table === "coil" ? (word(span.at) >> (index % 16)) & 1 : word(span.at + index),
    );
  }

  #chance(share: number): boolean {
    return this.#entropy.random() < share;
  }

  #between(from: number, to: number): number {
    return from + Math.max(0, to - from) * this.#entropy.random();
  }

  #pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    const picked = list[Math.floor(this.#entropy.random() * list.length)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

function exceptionOf(generation: number): number {
  return 0x40 | generation;
}

const line = { baud: 9600, parity: "none", dataBits: 8, stopBits: 1 } as const;
const character = characterTime(line);
const gap = frameSilence(line.baud, character);
/** What a driver hands over at a time. */
const uartBytes = 3;
const never = new AbortController().signal;

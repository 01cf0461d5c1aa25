/**
 * RTU frames over a serial port, or over TCP to a transparent gateway, for looking around: asks
 * one unit and gives account of every byte heard.
 *
 * A late answer carries its own unit, so it is never taken for the next unit's. The same unit is
 * another matter: an answer of the same function to an earlier request that was given up would
 * fit, so that function of that unit waits until the earlier answer can no longer come.
 *
 * Slaves that frame by length and not by silence (libmodbus is one) take what follows a request to
 * another unit for that unit's answer. Where nobody is there, the next request would be that
 * answer, and they would be out of step. So a request without an answer is closed by another one
 * to the same unit, which reads as an answer too:
 *
 *   | unit | 03 | 03 | 00 | 00 | 02 | CRC |    request: 2 registers from 0x0300
 *   | unit | 03 | 03 | 3 bytes      | CRC |    answer of 3 bytes
 */
import type { Clock } from "../../../telemetry/index.ts";
import { GatewayError, sleep } from "../../../telemetry/index.ts";
import type { ByteChannel } from "../../transport/channel.ts";
import { encodeRtu, findReply } from "../rtu.ts";
import { framesIn } from "./overheard.ts";
import type { Ask, Heard, Stray, Wire } from "./wire.ts";
import { strayLimit } from "./wire.ts";

export interface RtuWireParts {
  readonly channel: ByteChannel;
  readonly clock: Clock;
  /** For messages. */
  readonly name: string;
  /** Time of one byte; 0 where it is not known. @unit ms */
  readonly character: number;
  /** Silence between frames. [MODBUS-RTU 2.5.1.1] @unit ms */
  readonly gap: number;
  /** Silence after which a frame that began has ended, adapters included. @unit ms */
  readonly settle: number;
}

/** An echo, a stray and the longest answer, with room to spare; what comes after is dropped. */
const receiveLimit = 2048;

/** Longest wait for a chattering line to fall silent. @unit ms */
const chatterLimit = 1000;

/** An answer that has not come after this long never comes. @unit ms */
export const latestAnswer = 2000;

/** Frames of our own that an adapter may still echo. */
const ownLimit = 4;

/** Sums of times are this exact. @unit ms */
const grain = 0.01;

/** How often a fence looks whether the awaited answer has come. @unit ms */
const fenceStep = 100;

/** Requests given up that are remembered. */
const givenUpLimit = 512;

/** Slaves that wait for another's answer give up between these: no request may come. @unit ms */
const givingUp = { from: 450, to: 600 };

/** Functions that read registers: what closes them is a request of the same function. */
const registerReads: ReadonlySet<number | undefined> = new Set([3, 4]);

/** Answers that may still come. */
interface GivenUp {
  readonly until: number;
  left: number;
}

export class RtuWire implements Wire {
  readonly #parts: RtuWireParts;
  #received = Buffer.alloc(0);
  #lastByte = Number.NEGATIVE_INFINITY;
  #strays: Stray[] = [];
  #lost: GatewayError | undefined;
  #wake: (() => void) | undefined;
  /** What was sent last, to know its echo. */
  #own: readonly Uint8Array[] = [];
  /** By `unit function`. */
  readonly #givenUp = new Map<string, GivenUp>();

  constructor(parts: RtuWireParts) {
    this.#parts = parts;
    parts.channel.onData((bytes) => {
      this.#lastByte = parts.clock.monotonic();
      const room = receiveLimit - this.#received.length;
      this.#received = Buffer.concat([this.#received, bytes.subarray(0, room)]);
      this.#wake?.();
    });
    parts.channel.onClose((reason) => {
      this.#lost = reason;
      this.#wake?.();
    });
  }

  async ask(ask: Ask, signal: AbortSignal): Promise<Heard> {
    const { clock, character } = this.#parts;
    if (ask.anyAnswer !== true) await this.#fence(ask, signal);
    await this.#calm(signal);
    this.#sort(this.#received);
    this.#received = Buffer.alloc(0);
    const frame = encodeRtu(ask.unit, ask.pdu);
    const sent = clock.monotonic() + frame.length * character;
    this.#send(frame);
    const request = { unit: ask.unit, pdu: ask.pdu, frame };
    const wait = ask.timeout > givingUp.from ? Math.max(ask.timeout, givingUp.to) : ask.timeout;
    let end = sent + wait;
    for (;;) {
      await this.#until(end, signal);
      const match = findReply(this.#received, request);
      if (match.kind === "reply") {
        this.#setAside(match.pdu, request);
        const after = Math.max(0, clock.monotonic() - sent);
        return { kind: "answer", pdu: match.pdu, after };
      }
      if (this.#left(end) > 0) continue;
      // A frame that has begun is heard to its end.
      end = this.#lastByte + this.#parts.settle;
      const chatters = this.#left(sent + wait + chatterLimit) === 0;
      if (this.#left(end) === 0 || chatters) return this.#unanswered(ask, frame);
    }
  }

  async listen(ms: number, signal: AbortSignal): Promise<void> {
    const end = this.#parts.clock.monotonic() + ms;
    while (this.#left(end) > 0) await this.#until(end, signal);
    this.#sort(this.#received);
    this.#received = Buffer.alloc(0);
  }

  takeStrays(): Stray[] {
    const strays = this.#strays;
    this.#strays = [];
    return strays;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.channel.close();
  }

  /** Waits out an answer that would be taken for this one's. */
  async #fence({ unit, pdu }: Ask, signal: AbortSignal): Promise<void> {
    const key = `${unit} ${pdu[0]}`;
    for (;;) {
      const given = this.#givenUp.get(key);
      const wait = given === undefined || given.left <= 0 ? 0 : this.#left(given.until);
      if (wait === 0) break;
      await this.listen(Math.min(fenceStep, wait), signal);
    }
    this.#givenUp.delete(key);
  }

  /** Waits until the line is silent, within bounds. */
  async #calm(signal: AbortSignal): Promise<void> {
    const { clock, gap } = this.#parts;
    const limit = clock.monotonic() + chatterLimit;
    for (;;) {
      this.#check(signal);
      const left = this.#left(this.#lastByte + gap);
      if (left === 0 || this.#left(limit) === 0) return;
      await sleep(clock, left, signal);
    }
  }

  /** Time until then; 0 when it has come, or will before any clock could tell. @unit ms */
  #left(time: number): number {
    const left = time - this.#parts.clock.monotonic();
    return left < grain ? 0 : left;
  }

  /** Waits for bytes, but not beyond a time. */
  async #until(end: number, signal: AbortSignal): Promise<void> {
    this.#check(signal);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#parts.clock.after(this.#left(end), resolve);
    const wake = (): void => resolve();
    this.#wake = wake;
    signal.addEventListener("abort", wake, { once: true });
    await promise;
    signal.removeEventListener("abort", wake);
    this.#wake = undefined;
    timer.cancel();
    this.#check(signal);
  }

  #check(signal: AbortSignal): void {
    if (this.#lost !== undefined) throw this.#lost;
    if (!signal.aborted) return;
    throw new GatewayError("E_DISCONNECTED", `${this.#parts.name}: the search was stopped`);
  }

  #unanswered(ask: Ask, frame: Uint8Array): Heard {
    const rest = this.#sort(withoutEcho(this.#received, frame));
    this.#received = Buffer.alloc(0);
    if (rest.length > 0) return { kind: "damaged", bytes: rest };
    const sent = 1 + this.#close(ask);
    if (this.#givenUp.size >= givenUpLimit) this.#givenUp.clear();
    const until = this.#parts.clock.monotonic() + latestAnswer;
    this.#givenUp.set(`${ask.unit} ${ask.pdu[0]}`, { until, left: sent });
    return { kind: "silence", sent };
  }

  #send(frame: Uint8Array): void {
    this.#own = [...this.#own, frame].slice(-ownLimit);
    this.#parts.channel.write(frame);
  }

  /** Keeps slaves in step that wait for an answer; how many requests it took. */
  #close({ unit, pdu, timeout }: Ask): number {
    const [code = 0] = pdu;
    if (!registerReads.has(code) || timeout > givingUp.from) return 0;
    const { clock, character } = this.#parts;
    const frame = encodeRtu(unit, Uint8Array.of(code, 3, 0, 0, 2));
    this.#send(frame);
    this.#lastByte = clock.monotonic() + frame.length * character;
    return 1;
  }

  /** Keeps what stands around an answer: before it strays, behind it a second answer. */
  #setAside(pdu: Uint8Array, request: { readonly unit: number; readonly frame: Uint8Array }): void {
    const heard = withoutEcho(this.#received, request.frame);
    const at = heard.indexOf(encodeRtu(request.unit, pdu));
    this.#sort(heard.subarray(0, Math.max(0, at)));
    this.#received = Buffer.from(heard.subarray(at + pdu.length + 3));
  }

  /** Adapters on two wires may hear themselves, and tell it late. */
  #isEcho({ unit, pdu }: Stray): boolean {
    const frame = encodeRtu(unit, pdu);
    return this.#own.some((own) => sameBytes(own, frame));
  }

  /** Keeps the frames as strays and gives what is none. */
  #sort(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0) return bytes;
    const { frames: all, rest } = framesIn(bytes);
    const frames = all.filter((frame) => !this.#isEcho(frame));
    for (const { unit, pdu } of frames) {
      const given = this.#givenUp.get(`${unit} ${(pdu[0] ?? 0) & 0x7f}`);
      if (given !== undefined) given.left -= 1;
    }
    this.#strays = [...this.#strays, ...frames].slice(-strayLimit);
    return rest;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Adapters on two wires may hear themselves. */
function withoutEcho(received: Buffer, frame: Uint8Array): Buffer {
  const echoed = received.subarray(0, frame.length).equals(frame);
  return echoed ? received.subarray(frame.length) : received;
}

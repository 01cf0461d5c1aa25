/** One request of the doctor and what comes of it: sent after a silence, watched to its end. */
import type { Clock } from "../../../telemetry/index.ts";
import { sleep } from "../../../telemetry/index.ts";
import type { ByteChannel } from "../../transport/channel.ts";
import { encodeMbap } from "../mbap.ts";
import type { Span } from "../pdu.ts";
import { dataBytes, encodeRead } from "../pdu.ts";
import type { Chunk, LineSettings, Trial, Wire } from "./evidence.ts";
import { joined, repliesTo, requestFrame } from "./frames.ts";
import { Recorder } from "./recorder.ts";

export interface Asking {
  readonly unit: number;
  readonly span: Span;
  readonly long: boolean;
  readonly quick: boolean;
  /** Silence before the request. @unit ms */
  readonly pause: number;
  /** How long the device may take, and how long it is watched for after that. @unit ms */
  readonly timeout: number;
  readonly patience: number;
  /** Whether to listen on for a second reply. */
  readonly tail: boolean;
}

export interface AskerParts {
  readonly wire: Wire;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** @throws E_CONNECT, E_SERIAL and its kin */
  readonly open: (settings: LineSettings | undefined, signal: AbortSignal) => Promise<ByteChannel>;
}

/** How long nothing may come until a reply and its doubles are over. @unit ms */
const tailSilence = 60;
const tailLimit = 500;
/** Bytes between trials kept as idle ones. */
const idleLimit = 4096;

export class Asker {
  readonly #parts: AskerParts;
  readonly idle: Chunk[] = [];
  /** How long the line was listened to without a request. @unit ms */
  idleTime = 0;
  #idleBytes = 0;
  #recorder: Recorder | undefined;
  #settings: LineSettings | undefined;
  #character: number;
  #connection = -1;
  #transaction = 0;

  constructor(parts: AskerParts, settings: LineSettings | undefined, character: number) {
    this.#parts = parts;
    this.#settings = settings;
    this.#character = character;
  }

  /** Opens with other settings from now on. */
  async change(settings: LineSettings, character: number): Promise<void> {
    await this.close();
    this.#settings = settings;
    this.#character = character;
  }

  /** @throws what opening throws */
  async open(): Promise<Recorder> {
    if (this.#recorder !== undefined && this.#recorder.failure === undefined) return this.#recorder;
    await this.close();
    const { open, clock, signal } = this.#parts;
    this.#recorder = new Recorder(await open(this.#settings, signal), clock);
    this.#connection += 1;
    return this.#recorder;
  }

  /** Ends the connection; the next request makes a new one. */
  async close(): Promise<void> {
    const recorder = this.#recorder;
    this.#recorder = undefined;
    await recorder?.close();
  }

  /** Listens without asking. */
  async listen(ms: number): Promise<void> {
    const { clock, signal } = this.#parts;
    const recorder = await this.open();
    await sleep(clock, ms, signal);
    this.#keepIdle(recorder.take(), ms);
  }

  /** Sends one request and watches. @throws what opening throws */
  async ask(asking: Asking): Promise<Trial> {
    const { clock, signal } = this.#parts;
    const recorder = await this.open();
    const waited = clock.monotonic();
    await sleep(clock, Math.max(0, recorder.lastByte + asking.pause - waited), signal);
    const between = recorder.take();
    // Right behind a reply comes what belongs to it.
    if (!asking.quick) this.#keepIdle(between, clock.monotonic() - waited);
    const pdu = encodeRead(asking.span);
    const frame = this.#frame(asking.unit, pdu);
    const at = clock.monotonic();
    recorder.send(frame);
    await this.#watch(recorder, asking, { frame, pdu, at });
    const { unit, long, quick } = asking;
    const connection = this.#connection;
    const { failure } = recorder;
    const chunks = recorder.take();
    return { unit, pdu, frame, long, quick, at, chunks, failure, connection };
  }

  async #watch(
    recorder: Recorder,
    { unit, span, timeout, patience, tail }: Asking,
    {
      frame,
      pdu,
      at,
    }: { readonly frame: Uint8Array; readonly pdu: Uint8Array; readonly at: number },
  ): Promise<void> {
    const { clock, signal, wire } = this.#parts;
    const expected = dataBytes(span) + 5;
    const onWire = (frame.length + expected + 8) * this.#character;
    const until = at + onWire + timeout + patience;
    let answeredAt: number | undefined;
    for (;;) {
      const now = clock.monotonic();
      if (signal.aborted || recorder.failure !== undefined || now >= until) return;
      const bytes = joined(recorder.chunks);
      const answered =
        wire === "tcp" ? bytes.length > 8 : repliesTo(bytes, { unit, pdu }).length > 0;
      // More than a reply has, and no reply in it: nothing better will come.
      const enough = bytes.length >= expected + frame.length;
      if (answered || enough) answeredAt ??= now;
      if (answered && !tail) return;
      const silent = now - recorder.lastByte >= tailSilence;
      if (answeredAt !== undefined && (silent || now - answeredAt > tailLimit)) return;
      const wait = answeredAt === undefined ? until - now : recorder.lastByte + tailSilence - now;
      await recorder.wait(Math.max(1, wait), signal);
    }
  }

  #frame(unit: number, pdu: Uint8Array): Uint8Array {
    if (this.#parts.wire !== "tcp") return requestFrame(unit, pdu);
    this.#transaction = (this.#transaction + 1) & 0xffff;
    return encodeMbap({ transaction: this.#transaction, unit, pdu });
  }

  #keepIdle(chunks: readonly Chunk[], duration: number): void {
    for (const chunk of chunks) {
      if (this.#idleBytes >= idleLimit) break;
      this.#idleBytes += chunk.bytes.length;
      this.idle.push({ at: this.idleTime + chunk.at, bytes: chunk.bytes });
    }
    this.idleTime += duration;
  }
}

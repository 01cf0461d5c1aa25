/**
 * Stands between a raw socket and the broker library, one a connection. Inwards: whole, valid
 * packets of a limited size only (`framer.ts`), a CONNECT within 10 s. Outwards: `write` says yes,
 * since a "no" would stall whoever published; only retained messages at a SUBSCRIBE may be asked to
 * wait for `drain`. The bytes of a turn leave in one system call, within a budget of this client's
 * own (`egress.ts`).
 *
 * Measured: leaving once a turn costs 0.54 of the CPU of leaving packet by packet.
 */
import { Duplex } from "node:stream";
import type { Clock, Timer } from "../telemetry/index.ts";
import type { Counters, CutReason } from "./counters.ts";
import { Egress } from "./egress.ts";
import type { Framed } from "./framer.ts";
import { Framer, packetsOf } from "./framer.ts";
import type { FrontParts } from "./mqtt5/index.ts";
import { Front, reasonOfCut, sayRefused } from "./mqtt5/index.ts";

/** Largest CONNECT: client id, user, password and will of a stranger. @unit bytes */
const connectMax = 8192;

/** Time from accept to a whole CONNECT. @unit ms */
const connectWithin = 10_000;

/** Bytes taken in before the broker has handled them. @unit bytes */
const ingressMax = 65_536;

/** What may wait for a client when it is sent more of what it asked for. @unit bytes */
const calmBelow = 65_536;

export interface GuardSettings {
  /** Largest packet after CONNECT. @unit bytes */
  readonly packet: number;
  /** Bytes that may wait for this client before it is cut. @unit bytes */
  readonly egress: number;
  readonly clock: Pick<Clock, "after">;
  readonly counters: Counters;
  /** For clients of MQTT 5; left out: they are turned away. */
  readonly version5?: Pick<FrontParts, "limits" | "riders" | "assign"> | undefined;
}

export class Guard extends Duplex {
  readonly #stream: Duplex;
  readonly #counters: Counters;
  readonly #framer: Framer;
  readonly #egress: Egress;
  readonly #settings: GuardSettings;
  /** Until its CONNECT is here. */
  #deadline: Timer | undefined;
  #front: Front | undefined;
  #admitted = false;
  #ended = false;
  /** The client has taken leave in words of MQTT 5. */
  #left = false;
  #flushing = false;
  #waitedFor = false;
  /** Whether the packet that is being written may be followed by more retained messages. */
  #calm = true;

  constructor(stream: Duplex, settings: GuardSettings) {
    super({ readableHighWaterMark: ingressMax });
    this.#stream = stream;
    this.#counters = settings.counters;
    this.#settings = settings;
    const version5 = settings.version5 !== undefined;
    this.#framer = new Framer({ connect: connectMax, packet: settings.packet, version5 });
    this.#egress = new Egress({ soft: settings.egress / 2, hard: settings.egress });
    this.#deadline = settings.clock.after(connectWithin, () => this.cut("connect_timeout"));
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    stream.on("end", () => this.#end());
    stream.on("close", () => {
      if (!this.#ended) this.destroy();
    });
    stream.on("drain", () => this.#drained());
    // The reason does not matter: a broken socket also closes.
    stream.on("error", () => this.destroy());
  }

  /** Whether CONNACK was sent, which comes before all else [MQTT-3.2.0-1]. */
  get admitted(): boolean {
    return this.#admitted;
  }

  /** Lets the client's packets behind CONNECT through; call it once CONNACK says yes. */
  admit(): void {
    if (this.#admitted) return;
    this.#admitted = true;
    this.#pass(this.#framer.release());
    if (this.#ended) this.push(null);
    else this.#stream.resume();
  }

  /** What stands between a client of MQTT 5 and the broker. */
  get front(): Front | undefined {
    return this.#front;
  }

  /** Ends the connection and counts why. */
  cut(reason: CutReason): void {
    if (this.destroyed) return;
    this.#counters.countCut(reason);
    this.farewell(reasonOfCut(reason));
    this.destroy();
  }

  /** Tells a client of MQTT 5 why its connection ends now. */
  farewell(code: number, why?: string): void {
    const last = this.destroyed ? undefined : this.#front?.farewell(code, why);
    if (last !== undefined) this.#offer(last);
  }

  /** Resolves once little waits to be written to the client, or when it is gone. */
  calm(): Promise<void> {
    const waiting = this.#egress.bytes + this.#stream.writableLength;
    if (this.destroyed || waiting <= calmBelow) return Promise.resolve();
    this.#waitedFor = true;
    return new Promise((resolve) => {
      const done = (): void => {
        this.off("drain", done).off("close", done);
        resolve();
      };
      this.on("drain", done).on("close", done);
    });
  }

  #take(chunk: Buffer): void {
    if (this.destroyed) return;
    this.#counters.receivedBytes += chunk.length;
    this.#pass(this.#framer.feed(chunk));
    if (!this.#framer.connected || this.destroyed) return;
    this.#deadline?.cancel();
    this.#deadline = undefined;
    if (!this.#admitted) this.#stream.pause();
  }

  #pass({ whole, fault }: Framed): void {
    if (this.#framer.version5) return this.#translate(whole, fault);
    for (const bytes of whole) this.#inward(bytes);
    if (fault === undefined) return;
    if (fault.connack !== undefined) this.write(Buffer.from([0x20, 2, 0, fault.connack]));
    this.cut(fault.reason);
  }

  #inward(bytes: Buffer): void {
    if (!this.push(bytes)) this.#stream.pause();
  }

  /** The same from a client of MQTT 5. */
  #translate(whole: readonly Buffer[], fault: Framed["fault"]): void {
    this.#front ??= this.#openFront();
    for (const stretch of whole) {
      for (const packet of packetsOf(stretch)) {
        if (this.destroyed || this.#left) return;
        const wrong = this.#front?.inward(packet);
        if (wrong === undefined) continue;
        if (this.#front?.hello === undefined) this.#offer(sayRefused(wrong.code, wrong.why));
        else this.farewell(wrong.code, wrong.why);
        this.cut(wrong.reason);
      }
    }
    if (fault !== undefined) this.cut(fault.reason);
  }

  #openFront(): Front | undefined {
    const { version5 } = this.#settings;
    if (version5 === undefined) return undefined;
    return new Front({
      ...version5,
      pass: (packet) => this.#inward(packet),
      send: (bytes) => this.#offer(bytes),
      shed: () => {
        this.#counters.shed += 1;
      },
      leave: () => {
        this.#left = true;
        this.#ended = true;
        this.push(null);
      },
    });
  }

  #end(): void {
    this.#ended = true;
    if (this.#admitted) this.push(null);
    else if (!this.#framer.connected) this.destroy();
  }

  /** Takes a piece of a packet; false: send no more retained messages before `drain`. */
  override write(piece: Buffer | string): boolean {
    if (this.destroyed) return true;
    const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
    if (this.#front === undefined) return this.#offer(bytes);
    this.#calm = true;
    this.#front.outward(bytes);
    if (this.#front.held > this.#settings.egress) this.cut("egress");
    return this.#calm;
  }

  /** Takes bytes for the client; false: no more retained messages now. */
  #offer(bytes: Buffer): boolean {
    const dropped = this.#egress.dropped;
    const waiting = this.#stream.writableLength + (this.#front?.held ?? 0);
    const offered = this.#egress.offer(bytes, waiting);
    this.#counters.shed += this.#egress.dropped - dropped;
    if (offered === "over") this.cut("egress");
    else if (!this.#flushing) {
      this.#flushing = true;
      // The loop's check phase: behind all packets of this turn.
      setImmediate(() => this.#flush());
    }
    if (offered !== "wait") return true;
    this.#waitedFor = true;
    this.#calm = false;
    return false;
  }

  override cork(): void {
    // Pieces wait for the end of the turn in any case.
  }

  override uncork(): void {
    // See cork.
  }

  override _read(): void {
    if (this.#admitted || !this.#framer.connected) this.#stream.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // Only the broker ends a connection with an error.
    if (error !== null) this.#counters.countCut("broker");
    this.#deadline?.cancel();
    // A refusal written in this turn still leaves.
    this.#flush();
    this.#stream.destroy();
    done(null);
  }

  #flush(): void {
    this.#flushing = false;
    const buffers = this.#egress.take();
    if (buffers.length === 0 || !this.#stream.writable) return;
    this.#stream.cork();
    for (const bytes of buffers) {
      this.#counters.sentBytes += bytes.length;
      this.#stream.write(bytes);
    }
    this.#stream.uncork();
    if (!this.#stream.writableNeedDrain) this.#drained();
  }

  #drained(): void {
    if (!this.#waitedFor) return;
    this.#waitedFor = false;
    this.emit("drain");
  }
}

/** One connection of somebody who tries doors: what it was answered, and what it heard. */
import type { Duplex } from "node:stream";
import type { Clock } from "../../telemetry/index.ts";
import type { Answer, Hello, Words } from "./wire.ts";
import { Answers, connectPacket, disconnectPacket, pingPacket } from "./wire.ts";
import { publishPacket, subscribePacket } from "./wire.ts";

/** How long an answer may take before there is none. @unit ms */
const patience = 5000;

export interface IntruderParts {
  readonly stream: Duplex;
  readonly clock: Pick<Clock, "after">;
  readonly heard: (topic: string, payload: string) => void;
}

/** `none`: the connection ended, or nothing came in time. */
export type Told = number | "none";

export class Intruder implements Disposable {
  readonly #stream: Duplex;
  readonly #clock: Pick<Clock, "after">;
  /** Who waits for which answer; one entry a question. */
  readonly #waiting = new Map<string, (code: Told) => void>();
  readonly #closed = Promise.withResolvers<void>();
  #open = true;
  #id = 0;

  constructor({ stream, clock, heard }: IntruderParts) {
    this.#stream = stream;
    this.#clock = clock;
    const answers = new Answers();
    stream.on("data", (chunk: Buffer) => {
      for (const answer of answers.feed(chunk)) {
        if (answer.kind === "message") heard(answer.topic, answer.payload);
        else this.#answered(answer);
      }
    });
    stream.on("error", () => stream.destroy());
    stream.on("end", () => stream.destroy());
    stream.once("close", () => {
      this.#open = false;
      for (const tell of this.#waiting.values()) tell("none");
      this.#closed.resolve();
    });
  }

  get open(): boolean {
    return this.#open;
  }

  /** Resolves when the connection has ended. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** The CONNACK return code. */
  connect(hello: Hello): Promise<Told> {
    return this.#ask("connack", connectPacket(hello));
  }

  /** The granted QoS, or 128. */
  subscribe(filter: Words): Promise<Told> {
    const id = this.#next();
    return this.#ask(`suback ${id}`, subscribePacket(filter, id));
  }

  /** 0 once it was acknowledged, which says nothing of where it went. */
  publish(topic: Words, payload: string, retain = false): Promise<Told> {
    const id = this.#next();
    return this.#ask(`puback ${id}`, publishPacket(topic, payload, { id, retain }));
  }

  /** What was sent to it before is here when this resolves. */
  ping(): Promise<Told> {
    return this.#ask("pong", pingPacket);
  }

  /** Ends without a DISCONNECT: the will is due. */
  break(): void {
    this.#stream.destroy();
  }

  /** Says goodbye: no will. */
  [Symbol.dispose](): void {
    if (this.#open) this.#stream.end(disconnectPacket, () => this.#stream.destroy());
  }

  #next(): number {
    this.#id = (this.#id % 65_535) + 1;
    return this.#id;
  }

  #ask(key: string, packet: Buffer): Promise<Told> {
    if (!this.#open) return Promise.resolve("none");
    const { promise, resolve } = Promise.withResolvers<Told>();
    const timer = this.#clock.after(patience, () => resolve("none"));
    this.#waiting.set(key, resolve);
    this.#stream.write(packet);
    return promise.finally(() => {
      timer.cancel();
      this.#waiting.delete(key);
    });
  }

  #answered(answer: Exclude<Answer, { readonly kind: "message" }>): void {
    if (answer.kind === "pong") this.#waiting.get("pong")?.(0);
    else if (answer.kind === "connack") this.#waiting.get("connack")?.(answer.code);
    else this.#waiting.get(`${answer.kind} ${answer.id}`)?.(answer.code);
  }
}

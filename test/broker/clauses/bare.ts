/** A client of bare bytes at a real hub: what it sends is made by hand, what it hears is read. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { expect, vi } from "vitest";
import { disconnect } from "../wire.ts";
import type { Running } from "../running.ts";
import type { Heard, HeardPublish, Hello, Wanted } from "./packets.ts";
import { ack, heardIn, hello, publish, subscribe } from "./packets.ts";

/** Below it everyone may write and read where there are no users. */
export const root = "rackstreet/v1/clauses";

const often = { timeout: 10_000, interval: 2 } as const;

export class Bare {
  readonly #stream: Duplex;
  #rest: Buffer = Buffer.alloc(0);
  readonly #heard: Heard[] = [];
  #closed = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", (chunk: Buffer) => {
      const { heard, rest } = heardIn(Buffer.concat([this.#rest, chunk]));
      this.#heard.push(...heard);
      this.#rest = rest;
    });
    stream.on("error", () => undefined);
    stream.on("close", () => {
      this.#closed = true;
    });
  }

  send(...packets: readonly Buffer[]): void {
    this.#stream.write(Buffer.concat(packets));
  }

  /** The next packet that it heard. */
  async next(): Promise<Heard> {
    const signal = AbortSignal.timeout(often.timeout);
    while (this.#heard.length === 0) await once(this.#stream, "data", { signal });
    const heard = this.#heard.shift();
    if (heard === undefined) throw new Error("nothing was heard");
    return heard;
  }

  async publish(): Promise<HeardPublish> {
    const heard = await this.next();
    if (heard.kind !== "publish") throw new Error(`a PUBLISH was due, not ${heard.kind}`);
    return heard;
  }

  /** The next PUBLISH with its acknowledgements; a QoS 2 one to its end. */
  async take(): Promise<HeardPublish> {
    const heard = await this.publish();
    const { id = 0, qos } = heard;
    if (qos === 1) this.send(ack("puback", id));
    if (qos === 2) {
      this.send(ack("pubrec", id));
      expect(await this.next()).toEqual({ kind: "pubrel", id });
      this.send(ack("pubcomp", id));
    }
    return heard;
  }

  /** Topics and payloads of the next messages. */
  async texts(count: number): Promise<string[]> {
    const texts: string[] = [];
    while (texts.length < count) texts.push((await this.take()).payload);
    return texts;
  }

  /** Subscribes and hears the SUBACK. */
  async subscribe(...wanted: readonly Wanted[]): Promise<readonly number[]> {
    this.send(subscribe(77, ...wanted));
    const heard = await this.next();
    if (heard.kind !== "suback") throw new Error(`a SUBACK was due, not ${heard.kind}`);
    expect(heard.id).toBe(77);
    return heard.codes;
  }

  /** Publishes on a topic at QoS 1 and hears the PUBACK: all before is at the hub. */
  async say(topic: string, payload: string, retain = false): Promise<void> {
    this.send(publish({ topic, payload, qos: 1, id: 9, retain }));
    expect(await this.next()).toEqual({ kind: "puback", id: 9 });
  }

  /** The hub ended the connection; what was heard before and not taken. */
  async ended(): Promise<readonly Heard[]> {
    await vi.waitFor(() => expect(this.#closed, "closed by the hub").toBe(true), often);
    return this.#heard.splice(0);
  }

  /** Goes without a word. */
  async vanish(): Promise<void> {
    this.#stream.destroy();
    await this.ended();
  }

  /** Says DISCONNECT, and the hub closes. */
  async leave(): Promise<void> {
    this.send(disconnect);
    await this.ended();
  }
}

/** A connection that has said nothing yet. */
export async function bare(at: Running): Promise<Bare> {
  return new Bare(await at.socket());
}

/** A client that is in; with what its CONNACK said of a session. */
export async function come(at: Running, parts: Hello): Promise<Bare & { present: boolean }> {
  const client = await bare(at);
  client.send(hello(parts));
  const heard = await client.next();
  if (heard.kind !== "connack") throw new Error(`CONNACK was due, not ${heard.kind}`);
  expect(heard.code).toBe(0);
  return Object.assign(client, { present: heard.present });
}

/** Its connection is gone from the hub's books as well. */
export async function gone(at: Running, left: number): Promise<void> {
  await vi.waitFor(() => expect(at.hub.counters.connections).toBe(left), often);
}

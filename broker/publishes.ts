/** What becomes of each publish and will of a client, from access to whoever takes it in. */
import type { Log } from "../telemetry/index.ts";
import type { AskDoor } from "./asking/asker.ts";
import type { HubClient } from "./client.ts";
import type { HubHooks } from "./contract.ts";
import type { Counters } from "./counters.ts";
import type { GivenPublish, Publish } from "./lead.ts";
import { batchKinds } from "./lane.ts";
import { lead, nowhere, sign } from "./lead.ts";
import type { RetainedQuotas } from "./retained.ts";
import type { Teller } from "./teller.ts";
import type { Version5 } from "./version5.ts";

interface PublishParts {
  readonly hooks: HubHooks;
  readonly counters: Counters;
  readonly log: Log;
  readonly door: AskDoor;
  readonly teller: Teller;
  readonly version5: Version5;
}

const roomKinds: ReadonlySet<string> = new Set(batchKinds);

export class Publishes {
  readonly #parts: PublishParts;
  /** Set once the broker knows what it retains. */
  retained: RetainedQuotas | undefined;

  constructor(parts: PublishParts) {
    this.#parts = parts;
  }

  /** @param from undefined: nobody who is known */
  take(from: HubClient | undefined, packet: GivenPublish, done: () => void): void {
    const { door, counters, log } = this.#parts;
    packet.dup = false; // [MQTT-3.3.1-3]
    const bytes = packet.topic.length + packet.payload.length;
    const kind = packet.topic.slice(packet.topic.lastIndexOf("/") + 1);
    let refusal = from?.refusePublish(packet.topic);
    if (from !== undefined && kind === "ask") refusal ??= door.refuse(from, packet.topic);
    if (from === undefined || refusal !== undefined) {
      if (from !== undefined && refusal !== undefined) {
        this.#parts.teller.refused(from, packet.topic, refusal);
        this.#parts.version5.unheard(from, packet.messageId, refusal);
      }
      counters.denied += 1;
      lead(packet, nowhere);
      if (from === undefined) done();
      else this.#goOn(from, { bytes, needsRoom: false }, done);
      return;
    }
    if (kind === "set") sign(packet, from, log);
    if (kind === "ask") return this.#ask(from, packet, done);
    this.#goOn(from, { bytes, needsRoom: roomKinds.has(kind) }, () => {
      if (packet.retain) this.keep(from, packet);
      if (packet.qos < 2) this.hand(from, packet);
      done();
    });
  }

  /** Gives it to who takes messages in. */
  hand(from: HubClient, { topic, payload }: GivenPublish): void {
    if (topic === nowhere) return;
    this.#parts.counters.received += 1;
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    this.#parts.hooks.message(topic, bytes, from.publisher);
  }

  /** A retained message too many is delivered, not kept; a client is told why. */
  keep(from: HubClient | undefined, packet: Publish): void {
    const { topic, payload } = packet;
    const refusal = this.retained?.refuse(topic, payload.length, from?.publisher.user);
    if (refusal === undefined) return;
    packet.retain = false;
    this.#parts.counters.unretained += 1;
    if (from !== undefined) this.#parts.teller.refused(from, topic, refusal);
  }

  /** Runs in the client's turn, once it and what it needs have room. */
  #goOn(
    from: HubClient,
    { bytes, needsRoom }: { readonly bytes: number; readonly needsRoom: boolean },
    go: () => void,
  ): void {
    from.lane.enter(needsRoom, () => {
      from.spend(bytes);
      go();
    });
  }

  /** What is asked of the hub is for nobody else's ears. */
  #ask(from: HubClient, packet: GivenPublish, done: () => void): void {
    const payload = Buffer.from(packet.payload);
    lead(packet, nowhere);
    this.#goOn(from, { bytes: payload.length, needsRoom: false }, () => {
      this.#parts.door.take(from, payload);
      done();
    });
  }
}

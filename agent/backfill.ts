/**
 * What the backfill lane sends and how much at once. A chunk of the spool is led into messages of
 * one device each, since field names are written once a message; a parcel is as many messages as
 * the pace allows, and the next one waits for its answer.
 */
import type { DeviceAddress, Place, WireBatch, WireMessage } from "../telemetry/index.ts";
import { decodeMessage, encodeBackfill, parseTopic, topicOf } from "../telemetry/index.ts";
import type { Spool, Spooled } from "./spool.ts";
import type { Message } from "./uplink.ts";

/** Payload in the live shape after which a message takes no more batches. @unit characters */
const longestMessage = 64 * 1024;

export interface Packed {
  readonly message: Message;
  readonly seqs: readonly number[];
  /** In the live shape. @unit characters */
  readonly length: number;
}

interface Opened extends Pick<WireMessage, "place" | "batches"> {
  readonly address: DeviceAddress;
}

/** A chunk of the spool by device. Batches are decoded when their message is made, not before. */
export class Chunk {
  readonly #spool: Spool;
  readonly #devices: (readonly Spooled[])[];

  constructor(batches: readonly Spooled[], spool: Spool) {
    this.#spool = spool;
    this.#devices = [...Map.groupBy(batches, ({ topic }) => topic).values()];
  }

  /** A message of one device with at least one batch and about `length` of them, while any wait. */
  next(length: number): Packed | undefined {
    for (let waiting = this.#devices.shift(); waiting; waiting = this.#devices.shift()) {
      const { packed, rest } = this.#pack(waiting, Math.min(length, longestMessage));
      if (rest.length > 0) this.#devices.unshift(rest);
      if (packed !== undefined) return packed;
    }
    return undefined;
  }

  #pack(
    waiting: readonly Spooled[],
    most: number,
  ): { readonly packed: Packed | undefined; readonly rest: readonly Spooled[] } {
    const batches: WireBatch[] = [];
    const seqs: number[] = [];
    let first: { readonly address: DeviceAddress; readonly place: Place } | undefined;
    let length = 0;
    let used = 0;
    for (const spooled of waiting) {
      const opened = open(spooled);
      if (opened === undefined) this.#spool.giveUp(spooled.seq);
      else {
        first ??= opened;
        const moved = JSON.stringify(opened.place) !== JSON.stringify(first.place);
        if (length > 0 && (moved || length + spooled.payload.length > most)) break;
        batches.push(...opened.batches);
        seqs.push(spooled.seq);
        length += spooled.payload.length;
      }
      used += 1;
    }
    const rest = waiting.slice(used);
    if (first === undefined) return { packed: undefined, rest };
    const { stream, base } = this.#spool;
    const payload = encodeBackfill(batches, stream, base, first.place);
    const message = { topic: topicOf(first.address, "backfill"), payload, retain: false };
    return { packed: { message, seqs, length }, rest };
  }
}

/** Undefined for what another version wrote and this one cannot read. */
function open({ topic, payload, kind }: Spooled): Opened | undefined {
  const parsed = parseTopic(topic);
  const message = decodeMessage(Buffer.from(payload), kind);
  if (parsed === undefined || !("ok" in message)) return undefined;
  const { place, batches } = message.ok;
  return { address: parsed.address, place, batches };
}

/** In the live shape; on the wire a parcel is a fraction of it. @unit characters */
const parcel = { least: 4 * 1024, most: 512 * 1024 } as const;
/** Delays that nobody notices, however short the way is. @unit ms */
const unnoticed = { good: 10, bad: 25 } as const;

/**
 * How large a parcel may be. What a live message waits for behind a parcel is what the parcel takes
 * longer than the shortest way there and back: parcels grow while that is little, and halve when it
 * is not. So they suit a link of any speed and a store of any, and nothing has to be configured.
 */
export class Pace {
  #length: number = parcel.least;
  #quickest = Number.POSITIVE_INFINITY;

  get length(): number {
    return this.#length;
  }

  /** A new connection may go another way. */
  begin(): void {
    this.#length = parcel.least;
    this.#quickest = Number.POSITIVE_INFINITY;
  }

  /** A parcel was reported stored, so long after it was sent. */
  answered(took: number): void {
    // The least parcel takes what the way takes: it may have become longer.
    const longer = this.#length === parcel.least ? this.#quickest * 1.1 : this.#quickest;
    this.#quickest = Math.min(took, longer);
    const delay = took - this.#quickest;
    if (delay <= Math.max(unnoticed.good, 0.15 * this.#quickest)) {
      this.#length = Math.min(parcel.most, this.#length * 1.5);
    } else if (delay > Math.max(unnoticed.bad, 0.3 * this.#quickest)) {
      this.#length = Math.max(parcel.least, this.#length / 2);
    }
  }
}

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
  readonly #permits: (topic: string) => boolean;
  readonly #devices: (readonly Spooled[])[];

  /** @param permits whether a batch may still be sent; else it is given up */
  constructor(
    batches: readonly Spooled[],
    spool: Spool,
    permits: (topic: string) => boolean = () => true,
  ) {
    this.#spool = spool;
    this.#permits = permits;
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
      const permitted = this.#permits(spooled.topic);
      const opened = permitted ? open(spooled) : undefined;
      if (opened === undefined) {
        this.#spool.giveUp(spooled.seq, permitted ? "damaged" : "revoked");
      } else {
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
/** One parcel in so many is a least one, to know the way. */
const leastEvery = 8;
/** What a parcel may add to the time of the way: nobody notices so much, or so small a share. */
const added = { ms: 15, share: 0.2 } as const;
/** Share of the newest in a running mean. */
const newest = 0.25;
/** Of a parcel over the one before, at most: one that is too large is found in time. */
const growth = 1.15;

/**
 * How large a parcel may be. A live message waits behind a parcel for what the parcel takes longer
 * than a least one. The size follows from the answers, so that it suits a link of any speed and a
 * store of any, and nothing has to be configured. Single answers say little: means are compared,
 * and no answer moves them far.
 */
export class Pace {
  /** Of the larger parcels. */
  #large: number = parcel.least;
  /** What a least parcel takes; undefined before the first. @unit ms */
  #way: number | undefined;
  /** What a larger one takes beyond that. @unit ms */
  #delay = 0;
  #sent = 0;

  /** Of the next parcel. */
  get length(): number {
    return this.#isLeast ? parcel.least : this.#large;
  }

  get #isLeast(): boolean {
    return this.#sent % leastEvery === 0 || this.#large === parcel.least;
  }

  /** A new connection may go another way. */
  begin(): void {
    this.#large = parcel.least;
    this.#way = undefined;
    this.#delay = 0;
    this.#sent = 0;
  }

  /** The parcel was reported stored, so long after it was sent. */
  answered(took: number): void {
    const way = this.#way ?? took;
    const isLeast = this.#isLeast;
    this.#sent += 1;
    // A larger parcel that is quicker shows it too: the first answers come over a busy link.
    if (isLeast || took < way) this.#way = way + newest * (Math.min(took, 1.25 * way) - way);
    if (isLeast) {
      if (this.#large === parcel.least) this.#large *= growth;
      return;
    }
    const most = Math.max(added.ms, added.share * way);
    const delay = Math.min(Math.max(0, took - way), 2 * this.#delay + most);
    this.#delay += newest * (delay - this.#delay);
    const fit = Math.min(growth, Math.max(0.5, most / Math.max(1, this.#delay)));
    const large = Math.min(parcel.most, Math.max(parcel.least, this.#large * fit));
    // A parcel of another size is expected to take as much more or less.
    this.#delay *= large / this.#large;
    this.#large = large;
  }
}

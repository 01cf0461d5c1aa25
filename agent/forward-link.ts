/**
 * What brings batches to a broker elsewhere and keeps them until its hub has stored them: a spool,
 * the publisher's two lanes, and a link. An agent is that with devices; a hub that forwards to
 * another has one a peer (`broker/federation/contract.ts` says what it asks of it).
 *
 * Bounds: the spool's and the publisher's, and `maxNewest` batches of which a newer one may come.
 */
import type { Disk, Platform, Point, UnnumberedBatch } from "../telemetry/index.ts";
import { decodeStored } from "../telemetry/index.ts";
import type { PublisherOptions } from "./publisher.ts";
import { Publisher } from "./publisher.ts";
import type { Ledger, SpoolOptions } from "./spool.ts";
import { Spool } from "./spool.ts";
import type { Message, Uplink, UplinkEvents } from "./uplink.ts";

export interface ForwardLinkSetup {
  /** Whose stream it is: the hub elsewhere answers to this name. */
  readonly name: string;
  readonly spool: Omit<SpoolOptions, "agent">;
  readonly publisher: PublisherOptions;
  readonly disk: Disk;
  /** Whether a topic may be sent now; what waits and may not is given up. */
  readonly permits: (topic: string) => boolean;
  /** Awaited before a message that the broker is to retain. */
  readonly beforeRetained: (topic: string) => Promise<void>;
  readonly up: () => void;
  /** The hub elsewhere refused a message. */
  readonly denied: (payload: Uint8Array) => void;
  readonly connect: (events: UplinkEvents) => Uplink;
}

/** How a batch goes. */
export interface Manner {
  /** It is of the past: what is newer goes first, and it becomes nobody's current value. */
  readonly late: boolean;
  /**
   * Of two batches with the same text here the newer stands for the older: it has the older's
   * fields too, and the older is not sent any more.
   */
  readonly stands?: string | undefined;
}

const maxNewest = 20_000;

interface Newest {
  readonly seq: number;
  readonly batch: UnnumberedBatch;
}

export class ForwardLink implements AsyncDisposable {
  readonly #setup: ForwardLinkSetup;
  readonly #spool: Spool;
  readonly #publisher: Publisher;
  readonly #uplink: Uplink;
  /** Batches for which a newer one may stand. Insertion order is age. */
  readonly #newest = new Map<string, Newest>();

  private constructor(setup: ForwardLinkSetup, spool: Spool, platform: Platform) {
    this.#setup = setup;
    this.#spool = spool;
    this.#publisher = new Publisher(spool, setup.publisher, {
      send: (message) => this.#send(message),
      permits: setup.permits,
      platform,
    });
    this.#uplink = setup.connect({
      up: () => {
        this.#publisher.up();
        setup.up();
      },
      down: () => this.#publisher.down(),
      message: (topic, payload) => {
        if (topic.endsWith("/stored")) this.#answer(payload);
        else setup.denied(payload);
      },
    });
  }

  /** @throws E_SPOOL_WRITE when the folder takes no file */
  static async open(setup: ForwardLinkSetup, platform: Platform): Promise<ForwardLink> {
    const options = { agent: setup.name, ...setup.spool };
    const spool = await Spool.open(options, setup.disk, platform);
    return new ForwardLink(setup, spool, platform);
  }

  get isUp(): boolean {
    return this.#publisher.isUp;
  }

  get ledger(): Ledger {
    return this.#spool.ledger;
  }

  /** Sends a batch once it is durable; resolves then, or when it was shed and counted. */
  async offer(given: UnnumberedBatch, { late, stands }: Manner): Promise<void> {
    const older = stands === undefined ? undefined : this.#newest.get(stands);
    const batch = older === undefined ? given : merged(older.batch, given);
    const spooled = await this.#spool.append(batch);
    if (spooled === undefined) return;
    if (stands !== undefined) this.#note(stands, { seq: spooled.seq, batch }, older);
    if (!this.#setup.permits(spooled.topic)) this.#spool.giveUp(spooled.seq, "revoked");
    else if (!late) this.#publisher.offer(spooled);
  }

  /** Publishes a current value now and after each reconnect; an empty one clears it there. */
  retain(topic: string, payload: string): void {
    this.#publisher.retain(topic, payload);
  }

  /** Clears what the broker retains. @throws E_UPLINK */
  clear(topic: string): Promise<void> {
    return this.#uplink.publish({ topic, payload: "", retain: true });
  }

  /** Gives up all that waits and may not be sent any more. */
  purge(): Promise<void> {
    return this.#publisher.purge();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#publisher.close();
    await this.#uplink[Symbol.asyncDispose]();
    await this.#spool.close();
  }

  /** Sent after the newer one, the older would undo it: so it is not sent again. */
  #note(stands: string, newest: Newest, older: Newest | undefined): void {
    if (older !== undefined) this.#spool.settle([[older.seq, older.seq]]);
    this.#newest.delete(stands);
    this.#newest.set(stands, newest);
    if (this.#newest.size <= maxNewest) return;
    const [oldest] = this.#newest.keys();
    if (oldest !== undefined) this.#newest.delete(oldest);
  }

  async #send(message: Message): Promise<void> {
    // Always awaited, so that no message of a topic overtakes another.
    if (message.retain) await this.#setup.beforeRetained(message.topic);
    if (message.retain && !this.#setup.permits(message.topic)) return;
    await this.#uplink.publish(message);
  }

  #answer(payload: Uint8Array): void {
    const decoded = decodeStored(payload);
    if ("ok" in decoded && decoded.ok.stream === this.#spool.stream) {
      this.#publisher.stored(decoded.ok.ranges);
    }
  }
}

/** The newer batch, and what only the older one says. */
function merged(older: UnnumberedBatch, newer: UnnumberedBatch): UnnumberedBatch {
  const points = new Map(older.points.map((point) => [seriesOf(point), point]));
  for (const point of newer.points) {
    const fields = { ...points.get(seriesOf(point))?.fields, ...point.fields };
    points.set(seriesOf(point), { ...point, fields });
  }
  return { ...newer, points: [...points.values()] };
}

function seriesOf({ measurement, tags = {} }: Point): string {
  return JSON.stringify([measurement, Object.entries(tags).toSorted(byName)]);
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}

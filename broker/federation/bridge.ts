/**
 * The way to one peer: what it may have, the queue that keeps it until the peer has stored it, and
 * the topics that its broker retains from here.
 *
 * A grant that is revoked acts at once: nothing of it is sent any more, what waits is given up, and
 * what the peer's broker retains of it is cleared, at the latest with the next connection.
 *
 * Bounds: `slice` batches are made durable at a time, and `mostWaiting` wait for that; what is
 * beyond is left to the agents, who send it again.
 */
import type { Disk, Platform } from "../../telemetry/index.ts";
import { GatewayError, messageOf, peerClientId, sleep } from "../../telemetry/index.ts";
import { answersTo } from "../access.ts";
import type { Forwarded, PeerLedger, PeerLink, PeerLinkSetup } from "./contract.ts";
import type { PeerRights } from "./grants.ts";
import { judgedBy } from "./summaries.ts";
import { Told } from "./told.ts";

export interface BridgeSetup {
  /** The peer's name in the configuration. */
  readonly peer: string;
  /** The region that is forwarded: this hub's own. */
  readonly region: string;
  readonly rights: PeerRights;
  readonly disk: Disk;
  readonly connect: (setup: PeerLinkSetup, disk: Disk) => Promise<PeerLink>;
}

/** How a bridge is, for operators. */
export interface BridgeView extends PeerLedger {
  readonly peer: string;
  readonly up: boolean;
  /** Items that the peer is granted. */
  readonly items: number;
  /** Messages that the peer's hub refused. */
  readonly denied: number;
}

const slice = 500;
const mostWaiting = 50_000;
/** How much of a refusal is logged. @unit characters */
const maxReason = 500;

export class Bridge implements AsyncDisposable {
  readonly #peer: string;
  readonly #told: Told;
  readonly #platform: Platform;
  #rights: PeerRights;
  #link: PeerLink | undefined;
  /** Batches are made durable in the order in which they come. */
  #taking: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** Changes of rights, and clearing, one after the other. */
  #changing: Promise<void> = Promise.resolve();
  #denied = 0;
  #closed = false;

  private constructor({ peer, rights }: BridgeSetup, told: Told, platform: Platform) {
    this.#peer = peer;
    this.#rights = rights;
    this.#told = told;
    this.#platform = platform;
  }

  /** @throws E_SPOOL_WRITE when the peer's folder takes no file */
  static async open(setup: BridgeSetup, platform: Platform): Promise<Bridge> {
    const told = await Told.open(setup.disk, platform.log);
    const bridge = new Bridge(setup, told, platform);
    const { peer, region } = setup;
    const link = {
      peer,
      name: region,
      clientId: peerClientId(region),
      subscribe: answersTo(region),
      permits: (topic: string) => bridge.permits(topic),
      beforeRetained: (topic: string) => told.add(topic),
      up: () => bridge.#enqueue(() => bridge.#clear()),
      denied: (payload: Uint8Array) => bridge.#refused(payload),
    };
    const opened = await setup.connect(link, setup.disk);
    bridge.#link = opened;
    // A grant may have been revoked while the hub was down.
    bridge.#enqueue(async () => {
      await opened.purge();
      await bridge.#clear();
    });
    return bridge;
  }

  get view(): BridgeView {
    const { offered = 0, stored = 0, queued = 0, shed = nothingShed } = this.#link?.ledger ?? {};
    const up = this.#link?.isUp === true;
    const { items } = this.#rights;
    return { peer: this.#peer, up, items, denied: this.#denied, offered, stored, queued, shed };
  }

  /** Whether the peer may have what a topic carries. */
  permits(topic: string): boolean {
    return this.#rights.permits(topic);
  }

  /** Other grants than before: what is gone stops now, what is new begins with `current` values. */
  change(rights: PeerRights, current: ReadonlyMap<string, string>): void {
    this.#rights = rights;
    this.#enqueue(async () => {
      await this.#link?.purge();
      await this.#clear();
    });
    this.#enqueue(() => this.#retainAll(current));
  }

  /** A current value of this region: meta, state, alert. */
  retain(topic: string, payload: string): void {
    if (this.permits(topic)) this.#link?.retain(topic, payload);
  }

  /** Resolves when all that the peer may have is durable. @throws E_SPOOL_WRITE */
  take(batches: readonly Forwarded[]): Promise<void> {
    const granted = batches.filter(({ batch }) => this.permits(judgedBy(batch)));
    if (granted.length === 0) return Promise.resolve();
    if (this.#waiting + granted.length > mostWaiting || this.#closed) {
      const why = `peer ${this.#peer}: too many batches wait to be made durable`;
      return Promise.reject(new GatewayError("E_SPOOL_WRITE", why));
    }
    this.#waiting += granted.length;
    const taken = this.#taking.then(() => this.#offer(granted));
    this.#taking = taken.catch(() => undefined);
    return taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#taking;
    await this.#link?.[Symbol.asyncDispose]();
    await this.#changing;
    await this.#told.settled();
  }

  async #offer(batches: readonly Forwarded[]): Promise<void> {
    try {
      for (let at = 0; at < batches.length; at += slice) {
        const some = batches.slice(at, at + slice);
        await Promise.all(some.map((one) => this.#offerOne(one)));
      }
    } finally {
      this.#waiting -= batches.length;
    }
  }

  async #offerOne({ batch, ...manner }: Forwarded): Promise<void> {
    await this.#link?.offer(batch, manner);
  }

  /** Tells the peer all current values that it may have; there may be many. */
  async #retainAll(current: ReadonlyMap<string, string>): Promise<void> {
    let count = 0;
    for (const [topic, payload] of current) {
      this.retain(topic, payload);
      count += 1;
      if (count % slice === 0) await sleep(this.#platform.clock, 0);
    }
  }

  /** Clears what the peer's broker retains and may not; what fails comes with the next link. */
  async #clear(): Promise<void> {
    const { topics } = this.#told;
    // The peer's hub forgets a device with its `meta`, so that comes last.
    for (const some of [topics.filter((one) => !isMeta(one)), topics.filter(isMeta)]) {
      for (let at = 0; at < some.length; at += slice) {
        if (this.#link?.isUp !== true) return;
        await Promise.all(some.slice(at, at + slice).map((topic) => this.#clearOne(topic)));
        await sleep(this.#platform.clock, 0);
      }
    }
  }

  async #clearOne(topic: string): Promise<void> {
    if (this.permits(topic)) return;
    await this.#link?.clear(topic);
    // It may have been granted again meanwhile, and be retained again.
    if (!this.permits(topic)) this.#told.remove(topic);
  }

  #enqueue(run: () => Promise<void>): void {
    this.#changing = this.#changing.then(run).catch((error: unknown) => {
      const fields = { peer: this.#peer, why: messageOf(error) };
      if (!this.#closed) this.#platform.log.debug("clearing interrupted", fields);
    });
  }

  #refused(payload: Uint8Array): void {
    this.#denied += 1;
    const why = Buffer.from(payload).toString().slice(0, maxReason);
    this.#platform.log.warn("peer denied", { code: "E_ACCESS", peer: this.#peer, why });
  }
}

const nothingShed = { full: 0, disk: 0, damaged: 0, large: 0 };

function isMeta(topic: string): boolean {
  return topic.endsWith("/meta");
}

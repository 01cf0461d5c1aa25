/**
 * Federation as the hub's service sees it: the bridges to all peers, the current values of the
 * region, and the file of grants, which is looked at several times a second.
 *
 * Only what is of this hub's own region ever goes over a bridge, and what came over one is of
 * another: so nothing goes round in a ring, however the hubs are connected.
 *
 * Bounds: `maxCurrent` current values.
 */
import type { Disk, Line, Platform, RollupWindow, Timer } from "../../telemetry/index.ts";
import { messageOf, parseTopic, topicRoot } from "../../telemetry/index.ts";
import type { RetainedMessage } from "../contract.ts";
import type { BridgeView } from "./bridge.ts";
import { Bridge } from "./bridge.ts";
import type { Forward, Forwarded, PeerLink, PeerLinkSetup } from "./contract.ts";
import type { PeerGrant } from "./grants.ts";
import { parseGrants, PeerRights } from "./grants.ts";
import { summariesOf } from "./summaries.ts";

export interface FederationSetup {
  /** This hub's own. */
  readonly region: string;
  /** Names in the configuration. */
  readonly peers: readonly string[];
  /** The file of grants, for complaints, and what it holds. */
  readonly file: string;
  readonly read: () => Promise<string>;
  /** A folder of the peer's own. */
  readonly disk: (peer: string) => Promise<Disk>;
  readonly connect: (setup: PeerLinkSetup, disk: Disk) => Promise<PeerLink>;
}

/**
 * How often the file is looked at, and how soon again when it has changed: a change acts well
 * within a second. @unit ms
 */
const lookEvery = 250;
const lookAgain = 50;
const maxCurrent = 200_000;
/** Kinds whose newest message is the current value. */
const currentKinds: ReadonlySet<string> = new Set(["meta", "state", "alert"]);

export class Federation implements Forward, AsyncDisposable {
  readonly #setup: FederationSetup;
  readonly #platform: Platform;
  readonly #bridges: Bridge[] = [];
  readonly #current = new Map<string, string>();
  /** The file's text as it was judged last. */
  #text = "";
  #grants: readonly PeerGrant[] = [];
  /** As it was read last: taken up once it reads the same twice, so never half-written. */
  #seen = "";
  /** Why the file was refused last. */
  #why = "";
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();

  private constructor(setup: FederationSetup, platform: Platform) {
    this.#setup = setup;
    this.#platform = platform;
  }

  /**
   * Opens queues and links to all peers.
   * @throws E_CONFIG, E_CONFIG_UNREADABLE when the file of grants does not do; E_SPOOL_WRITE
   */
  static async open(setup: FederationSetup, platform: Platform): Promise<Federation> {
    const federation = new Federation(setup, platform);
    try {
      federation.#text = federation.#seen = await setup.read();
      federation.#grants = federation.#parse(federation.#text);
      federation.#schedule();
      for (const peer of setup.peers) await federation.#open(peer);
    } catch (error) {
      await federation[Symbol.asyncDispose]();
      throw error;
    }
    return federation;
  }

  get view(): readonly BridgeView[] {
    return this.#bridges.map(({ view }) => view);
  }

  wants(topic: string): boolean {
    return this.#isOwn(topic) && this.#bridges.some((bridge) => bridge.permits(topic));
  }

  async take(batches: readonly Forwarded[]): Promise<void> {
    await Promise.all(this.#bridges.map((bridge) => bridge.take(batches)));
  }

  /** Takes rows of roll-ups as they are made. */
  async summarized(window: RollupWindow, lines: readonly Line[]): Promise<void> {
    const batches = summariesOf(window, lines, this.#setup.region);
    if (batches.length > 0) await this.take(batches);
  }

  /** A message that the hub's broker retains, unless it came over a bridge. "" removes it. */
  current(topic: string, payload: string): void {
    const parsed = parseTopic(topic);
    if (parsed === undefined || parsed.address.region !== this.#setup.region) return;
    if (!currentKinds.has(parsed.kind)) return;
    if (payload === "") this.#current.delete(topic);
    else if (this.#current.size < maxCurrent || this.#current.has(topic)) {
      this.#current.set(topic, payload);
    }
    for (const bridge of this.#bridges) bridge.retain(topic, payload);
  }

  /** What the hub's broker still retained when it started; what came since is newer. */
  remember(retained: Iterable<RetainedMessage>): void {
    for (const { topic, payload } of retained) {
      if (!this.#current.has(topic)) this.current(topic, Buffer.from(payload).toString());
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    await this.#looking;
    this.#timer?.cancel();
    await Promise.all(this.#bridges.map((bridge) => bridge[Symbol.asyncDispose]()));
  }

  async #open(peer: string): Promise<void> {
    const { region, disk, connect } = this.#setup;
    const grants = this.#grants;
    const parts = { peer, region, rights: rightsOf(peer, grants), disk: await disk(peer), connect };
    const bridge = await Bridge.open(parts, this.#platform);
    this.#bridges.push(bridge);
    // To open a large queue takes time.
    if (grants !== this.#grants) bridge.change(rightsOf(peer, this.#grants), this.#current);
  }

  #isOwn(topic: string): boolean {
    return topic.startsWith(`${topicRoot}/${this.#setup.region}/`);
  }

  // --- grants ---

  #parse(text: string): readonly PeerGrant[] {
    return parseGrants(text, this.#setup);
  }

  #schedule(): void {
    const wait = this.#seen === this.#text ? lookEvery : lookAgain;
    this.#timer = this.#platform.clock.after(wait, () => {
      this.#looking = this.#look().finally(() => this.#schedule());
    });
  }

  /** A file that does not do changes nothing, and says why once. */
  async #look(): Promise<void> {
    try {
      const text = await this.#setup.read();
      const settled = text === this.#seen;
      this.#seen = text;
      if (text === this.#text || !settled) return;
      this.#text = text;
      this.#grants = this.#parse(text);
      this.#why = "";
      for (const bridge of this.#bridges) {
        bridge.change(rightsOf(bridge.view.peer, this.#grants), this.#current);
      }
      this.#platform.log.info("grants changed", { file: this.#setup.file });
    } catch (error) {
      const why = messageOf(error);
      if (why !== this.#why) this.#platform.log.error("grants refused", { code: "E_CONFIG", why });
      this.#why = why;
    }
  }
}

function rightsOf(peer: string, grants: readonly PeerGrant[]): PeerRights {
  return new PeerRights(grants.filter((grant) => grant.peer === peer));
}

/**
 * The hub: broker, ingest and device states as one service. Messages of clients come in after
 * access; batches go to the store, states and health go out.
 */
import type { Duplex } from "node:stream";
import type {
  Ask,
  Certified,
  DeviceAddress,
  Disk,
  Platform,
  Point,
  Site,
  Timer,
  UnnumberedBatch,
} from "../telemetry/index.ts";
import {
  encodeBatch,
  encodeCertified,
  linesOf,
  messageOf,
  parseTopic,
  sleep,
  topicOf,
  topicRoot,
} from "../telemetry/index.ts";
import { isLoopback } from "../config/index.ts";
import type { RollupCounts, Store } from "../store/index.ts";
import type { Federation } from "./federation/index.ts";
import { isSummary, pointOfPeer } from "./federation/index.ts";
import { AsideFile } from "./aside.ts";
import { Desk } from "./asking/desk.ts";
import type { AskCounts } from "./asking/desk.ts";
import { catalogRequest, latestRequest } from "./asking/latest.ts";
import { replayRequest } from "./asking/replay.ts";
import type { HubRequest } from "./asking/request.ts";
import { AskProblem } from "./asking/request.ts";
import type { Retained } from "./asking/retained.ts";
import type { Hub, HubHooks, RetainedMessage } from "./contract.ts";
import type { Publisher } from "./client.ts";
import type { HubCounters } from "./counters.ts";
import type { EnrolledBy, Enrolment } from "./enrol/enrolment.ts";
import { startHub } from "./hub.ts";
import type { LoginAttempt } from "./identity.ts";
import type { KeepParts } from "./sessions.ts";
import type { CapacityTurns, HubVitals } from "./hub-health.ts";
import { healthPoint } from "./hub-health.ts";
import { hubMeta } from "./hub-meta.ts";
import type { IngestCounts, IngestLimits } from "./ingest.ts";
import { Ingest } from "./ingest.ts";
import { lookAt } from "./onlooker.ts";
import type { BrokerOptions } from "./options.ts";
import type { OutsideSetup } from "./outside.ts";
import { openOutside } from "./outside.ts";
import { overhearing } from "./overheard.ts";
import type { HubOptions } from "./service-options.ts";
import type { DeviceState } from "./states.ts";
import { quotaOf } from "./series.ts";
import { DeviceStates } from "./states.ts";

export interface HubSetup {
  /** A broker of its own, or one that is there already. */
  readonly broker: BrokerOptions | OutsideSetup;
  readonly hub: HubOptions;
  readonly site: Site;
  readonly store: Store;
  readonly disk: Disk;
  /** Sees each batch that is not late once it is decoded, before it is stored. */
  readonly observe: (batch: UnnumberedBatch) => void;
  /** Called when a device becomes known or gives new measurements. */
  readonly changed: () => void;
  /** Left out: what the hub's defaults are. */
  readonly ingest?: IngestLimits;
  /** What clients may ask besides what every hub answers; names of its own. */
  readonly requests?: readonly HubRequest[];
  readonly rollups?: () => RollupCounts;
  /** Rows of capacity written, and turns left out; undefined: none are written. */
  readonly capacity?: () => CapacityTurns | undefined;
  /** What goes to hubs of other regions. Left out: nothing does. */
  readonly federation?: Federation | undefined;
  /** Where the broker's retained messages and sessions are kept; left out: in memory alone. */
  readonly keep?: KeepParts | undefined;
  /** Where agents get their certificates from this hub. */
  readonly enrolment?: Enrolment | undefined;
  readonly vitals: () => HubVitals;
}

/** The hub reports on itself first after this time, so that `status` need not wait. @unit ms */
const firstReport = 1000;
/** Retained messages taken in between two turns of the event loop. */
const recalledAtOnce = 50;

export class HubService implements AsyncDisposable {
  readonly #setup: HubSetup;
  readonly #platform: Platform;
  readonly #aside: AsideFile;
  readonly #ingest: Ingest;
  readonly #states: DeviceStates;
  readonly #desk: Desk;
  readonly #stream: string;
  #hub: Hub | undefined;
  #healthTimer: Timer | undefined;
  #healthSeq = 0;
  #meta = "";

  private constructor(setup: HubSetup, platform: Platform) {
    this.#setup = setup;
    this.#platform = platform;
    this.#stream = `${setup.hub.id}.${platform.entropy.id()}`;
    this.#desk = new Desk({
      ...platform,
      hub: { ...setup.site, class: "hub", device: setup.hub.id },
      requests: [...this.#ownRequests(), ...(setup.requests ?? [])],
    });
    this.#aside = new AsideFile(setup.disk, platform);
    this.#ingest = new Ingest(
      {
        store: setup.store,
        publish: (topic, payload) => this.publish(topic, payload),
        setAside: (entry) => this.#aside.add(entry),
        ...quotaOf(setup.broker, platform),
        observe: setup.observe,
        forward: setup.federation,
        region: setup.site.region,
        ...(setup.ingest === undefined ? {} : { limits: setup.ingest }),
      },
      platform,
    );
    this.#states = new DeviceStates(
      {
        publish: (topic, payload) => this.#tell(topic, payload),
        changed: setup.changed,
      },
      platform,
    );
  }

  /** @throws E_SECRET_MISSING, E_ADDRESS_IN_USE, E_ADDRESS_REFUSED */
  static async start(setup: HubSetup, platform: Platform): Promise<HubService> {
    const service = new HubService(setup, platform);
    try {
      const { broker } = setup;
      const hooks: HubHooks = {
        site: setup.site,
        message: (topic, payload, client) => service.#message(topic, payload, client),
        heard: overhearing({ states: service.#states, observe: setup.observe }),
        gone: (node) => service.#states.adopt(node),
        enrolment: setup.enrolment,
        room: () => service.#ingest.room(),
        keep: setup.keep,
        desk: service.#desk,
      };
      service.#hub =
        "connect" in broker
          ? openOutside(broker, hooks, platform)
          : await startHub(broker, platform, hooks);
    } catch (error) {
      await service[Symbol.asyncDispose]();
      throw error;
    }
    const { region } = setup.site;
    setup.federation?.remember(service.retained(`${topicRoot}/${region}/#`));
    service.#scheduleHealth(firstReport);
    void service.#recall();
    return service;
  }

  /** Where clients may connect, with the real ports. */
  get addresses(): readonly string[] {
    return this.#hub?.addresses ?? [];
  }

  /** Takes a connection over that no listener of its own accepted. */
  accept(stream: Duplex, remote: string): void {
    this.#hub?.accept?.(stream, { remote });
  }

  /** How the hub is: a row of `hub_health`. */
  get health(): Point {
    return this.#healthPoint();
  }

  /** Publishes taken in since the start. */
  get messages(): number {
    return this.#hub?.counters.received ?? 0;
  }

  /** Why connections were ended or never let in. */
  get refusals(): Pick<HubCounters, "cut" | "rejected"> | undefined {
    return this.#hub?.counters;
  }

  /** What became of what clients asked. */
  get asks(): AskCounts {
    return this.#desk.counts;
  }

  /**
   * The answer to one who comes by another way than the broker; the rights are those of its users.
   * @throws AskProblem, as does the answer
   */
  async ask(
    { do: request, args }: Pick<Ask, "do" | "args">,
    attempt: LoginAttempt,
    gone: AbortSignal,
  ): Promise<AsyncIterable<unknown>> {
    const login = await this.#hub?.identify?.(attempt);
    if (login === undefined) {
      throw new AskProblem("the hub has no users of its own", "ask its broker", "access");
    }
    if ("refused" in login) throw new AskProblem(login.refused, "log in", "login");
    if (login.grant.role === "anonymous" && !isLoopback(attempt.remote)) {
      throw new AskProblem("this hub has no users", "ask from its own machine", "access");
    }
    const name = login.user === "" ? attempt.remote : login.user;
    return this.#desk.open({ do: request, args }, { ...login, name }, gone);
  }

  get counts(): IngestCounts {
    return this.#ingest.counts;
  }

  /** Whether the Redis that it shares can be reached; undefined: it shares none. */
  get redisUp(): boolean | undefined {
    return this.#hub?.redisUp;
  }

  get devices(): readonly DeviceState[] {
    return this.#states.all;
  }

  /** What a device or agent was heard to be; undefined while nothing was. */
  stateOf(address: DeviceAddress): DeviceState["state"] | undefined {
    return this.#states.stateOf(address);
  }

  /** What its own broker retains, by a filter. */
  retained(filter: string): Iterable<RetainedMessage> {
    return this.#hub?.retained?.(filter) ?? [];
  }

  /** How the bridges to hubs of other regions are: rows of `hub_peer`. */
  get peers(): readonly Point[] {
    return this.#setup.federation?.view.map((peer) => pointOfPeer(peer)) ?? [];
  }

  /** Batches stored of one device since start. */
  storedOf(device: string): number {
    return this.#ingest.storedOf(device);
  }

  /** Publishes to the broker's clients, at QoS 1. */
  async publish(topic: string, payload: string, retain = false): Promise<void> {
    if (retain) this.#setup.federation?.current(topic, payload);
    await this.#hub?.publish(topic, Buffer.from(payload), { retain, qos: 1 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#healthTimer?.cancel();
    this.#states[Symbol.dispose]();
    await this.#hub?.[Symbol.asyncDispose]();
    this.#hub = undefined;
    await this.#ingest[Symbol.asyncDispose]();
    await this.#aside[Symbol.asyncDispose]();
  }

  #ownRequests(): readonly HubRequest[] {
    const retained: Retained = (filter) => this.#hub?.retained?.(filter) ?? [];
    const { store } = this.#setup;
    const storeUp = (): boolean => this.#ingest.counts.storeUp;
    const { clock } = this.#platform;
    return [
      latestRequest(retained),
      catalogRequest(retained),
      replayRequest({ retained, store, storeUp, clock }),
    ];
  }

  #message(topic: string, payload: Uint8Array, { agent, enrolled, peer }: Publisher): void {
    const parsed = parseTopic(topic);
    if (parsed === undefined) return;
    const { address, kind } = parsed;
    if (kind === "enroll") return this.#enrol(address, payload, enrolled);
    if (peer !== true && (kind === "meta" || kind === "state")) {
      this.#setup.federation?.current(topic, Buffer.from(payload).toString());
    }
    if (payload.length === 0) {
      // It clears what was retained, and is no batch.
      if (kind === "meta") this.#states.forget(address);
    } else if (kind === "meta") this.#states.meta(address, payload);
    else if (kind === "state") this.#states.state(address, payload);
    else {
      if (kind === "telemetry" && !isSummary(address.class)) this.#states.seen(address);
      if (this.#setup.hub.ingest === "own")
        this.#ingest.take(topic, parsed, { payload, agent, peer });
      else lookAt(parsed, payload, this.#setup.observe);
    }
  }

  /**
   * Learns the devices that were there before a restart: who is silent since must turn stale too.
   * What is retained may be much, so a little at a time.
   */
  async #recall(): Promise<void> {
    let count = 0;
    for (const kind of ["meta", "state"] as const) {
      const filter = `${topicRoot}/+/+/+/+/+/${kind}`;
      for (const { topic, payload } of this.#hub?.retained?.(filter) ?? []) {
        const address = parseTopic(topic)?.address;
        // What the hub says of itself does not come to it.
        if (address === undefined || address.class === "hub") continue;
        this.#states[kind](address, payload);
        count += 1;
        if (count % recalledAtOnce === 0) await sleep(this.#platform.clock, 0);
      }
    }
  }

  /** Answers to who asks for a certificate; whom nothing proves to be that agent is told so. */
  #enrol(address: DeviceAddress, payload: Uint8Array, by: EnrolledBy | undefined): void {
    const { enrolment } = this.#setup;
    const none: Certified = {
      key: "",
      refused: "only enrolled agents renew their certificate here",
      remedy: "enrol with a token: `rackstreet enroll`",
    };
    const answered =
      by === undefined || enrolment === undefined
        ? Promise.resolve(none)
        : enrolment.take(by, payload);
    void answered
      .then((answer) => this.publish(topicOf(address, "certificate"), encodeCertified(answer)))
      .catch((error: unknown) => {
        this.#platform.log.warn("certificate not sent", { why: messageOf(error) });
      });
  }

  #tell(topic: string, payload: string): void {
    // A retained state that is lost is written again at the next change.
    this.publish(topic, payload, true).catch((error: unknown) => {
      this.#platform.log.warn("publish failed", { topic, why: messageOf(error) });
    });
  }

  // --- health ---

  #scheduleHealth(delay: number): void {
    const { health } = this.#setup.hub;
    this.#healthTimer = this.#platform.clock.after(Math.min(delay, health), () => {
      this.#scheduleHealth(health);
      this.#reportHealth();
    });
  }

  #reportHealth(): void {
    const address: DeviceAddress = {
      ...this.#setup.site,
      class: "hub",
      device: this.#setup.hub.id,
    };
    const time = this.#platform.clock.now();
    this.#healthSeq += 1;
    const batch = {
      kind: "telemetry" as const,
      address,
      place: {},
      time,
      seq: this.#healthSeq,
      points: [this.#healthPoint(), ...this.peers],
      faults: [],
    };
    const meta = hubMeta(this.#healthPoint(), this.#setup.hub.health);
    if (meta !== this.#meta) this.#tell(topicOf(address, "meta"), meta);
    this.#meta = meta;
    this.#tell(topicOf(address, "telemetry"), encodeBatch(batch, this.#stream, 1, {}));
    // Rules judge it too: that the store is down is told by no other row.
    this.#setup.observe(batch);
    if (!this.#ingest.counts.storeUp) return;
    // What the hub says of itself may be lost: it is no reading.
    this.#setup.store.write(linesOf(batch), AbortSignal.timeout(10_000)).catch(() => undefined);
  }

  #healthPoint(): Point {
    const { rollups, capacity, vitals } = this.#setup;
    return healthPoint({
      ingest: this.#ingest.counts,
      redisUp: this.redisUp,
      connections: this.#hub?.counters.connections ?? 0,
      denied: this.#hub?.counters.denied ?? 0,
      undescribed: this.#states.undescribed,
      rollups: rollups?.(),
      capacity: capacity?.(),
      vitals: vitals(),
    });
  }
}

/**
 * The agent: polls devices, spools every reading, publishes, and forgets a batch only when the
 * hub has reported it stored. Wires the rooms' parts; each has its own file.
 */
import type {
  DeviceAddress,
  Disk,
  Fields,
  Platform,
  Point,
  Reading,
  Site,
  Timer,
  UnnumberedBatch,
} from "../telemetry/index.ts";
import {
  agentClientId,
  decodeStored,
  GatewayError,
  messageOf,
  problemOf,
  quality,
  sleep,
  topicOf,
} from "../telemetry/index.ts";
import type { Heard } from "../drivers/index.ts";
import type { Described, LinkState } from "./devices.ts";
import { Inventory, statePayload } from "./devices.ts";
import type { Memories } from "./memories.ts";
import { momentAfter } from "./moments.ts";
import type { Facade } from "./facade.ts";
import { Facades } from "./facade.ts";
import type { AgentOptions } from "./options.ts";
import { Poller } from "./poller.ts";
import { Publisher } from "./publisher.ts";
import type { Ledger } from "./spool.ts";
import { Spool } from "./spool.ts";
import { Setter } from "./setter.ts";
import type { Message, TextMessage, Uplink, UplinkEvents } from "./uplink.ts";
import type { AgentDevice, DeviceView, Watched } from "./watched.ts";
import { polled, settable, watch } from "./watched.ts";

export type { AgentDevice, DeviceView };

export interface AgentSetup {
  readonly options: AgentOptions;
  readonly site: Site;
  readonly devices: readonly AgentDevice[];
  readonly disk: Disk;
  /** What the devices' sessions remember; absent: nothing. */
  readonly memories?: Memories;
  /** Who else is shown what the agent reads; not closed with it. */
  readonly facades?: readonly Facade[] | undefined;
  /** Opens the link; the real one is `openUplink`, the voyage has its own. */
  readonly connect: (link: LinkSetup) => Uplink;
  /** Resident memory and event-loop delay, which only the composition root can measure. */
  readonly vitals: () => { readonly rss: number; readonly loopDelay: number };
}

export interface LinkSetup {
  readonly clientId: string;
  readonly will: Message;
  readonly subscribe: readonly string[];
  readonly events: UplinkEvents;
}

/** How much of a refusal is logged. @unit characters */
const maxReason = 500;
/** The agent reports on itself first after this time, so that `status` need not wait. @unit ms */
const firstReport = 1000;
/** A device is called offline after this many failures in a row. */
const failuresToOffline = 3;

/** When a reading was taken, and whether it is the newest of its device. */
interface Moment {
  /** @unit ms since 1970-01-01 UTC */
  readonly time: number;
  readonly news: boolean;
}

export class Agent implements AsyncDisposable {
  readonly #setup: AgentSetup;
  readonly #platform: Platform;
  readonly #address: DeviceAddress;
  readonly #spool: Spool;
  readonly #publisher: Publisher;
  readonly #poller: Poller;
  readonly #setter: Setter;
  readonly #facades: Facades;
  readonly #uplink: Uplink;
  readonly #watched = new Map<string, Watched>();
  readonly #health = new Inventory();
  #healthTimer: Timer | undefined;
  #faults = 0;
  /** Points refused by the register since start: a driver's or a profile's mistake. */
  #refused = 0;

  private constructor(setup: AgentSetup, spool: Spool, platform: Platform) {
    this.#setup = setup;
    this.#platform = platform;
    this.#spool = spool;
    this.#facades = new Facades(setup.facades ?? [], platform.log);
    const { options, site } = setup;
    this.#address = { ...site, class: "agent", device: options.id };
    for (const device of setup.devices) this.#watched.set(device.address.device, watch(device));
    this.#publisher = new Publisher(spool, options.uplink, {
      send: (message) => this.#uplink.publish(message),
      platform,
    });
    this.#poller = new Poller(
      setup.devices.map((device) => polled(device)),
      {
        read: ({ id }, reading, time) => {
          const watched = this.#named(id);
          void this.#read(watched, reading, { time: momentAfter(watched.time, time), news: true });
        },
        heard: ({ id }, heard) => this.#heard(this.#named(id), heard),
        failed: ({ id }, error) => this.#failed(this.#named(id), error),
      },
      platform,
    );
    this.#setter = new Setter({
      devices: setup.devices.flatMap(settable),
      record: (address, fields) => this.#record(address, fields),
      send: (message) => void this.#uplink.publish(message).catch(() => undefined),
      platform,
    });
    this.#uplink = setup.connect({
      clientId: agentClientId(site, options.id),
      will: this.#state("offline", "E_UPLINK"),
      subscribe: [
        topicOf(this.#address, "stored"),
        topicOf(this.#address, "denied"),
        ...this.#setter.filters(site),
      ],
      events: {
        up: () => this.#publisher.up(),
        down: () => this.#publisher.down(),
        message: (topic, payload, retained = false) => {
          if (this.#setter.take(topic, payload, retained)) return;
          if (topic.endsWith("/denied")) this.#denied(payload);
          else this.#answer(payload);
        },
      },
    });
  }

  /**
   * Opens the spool and the link and begins to poll.
   * @throws E_SPOOL_WRITE when the spool's folder takes no file
   */
  static async start(setup: AgentSetup, platform: Platform): Promise<Agent> {
    const { id, spool: limits } = setup.options;
    const spool = await Spool.open({ agent: id, ...limits }, setup.disk, platform);
    const agent = new Agent(setup, spool, platform);
    const { topic, payload } = agent.#state("online", "none");
    agent.#publisher.retain(topic, payload);
    agent.#poller.start();
    agent.#scheduleHealth(firstReport);
    return agent;
  }

  get ledger(): Ledger {
    return this.#spool.ledger;
  }

  /** Whether the link to the hub's broker stands. */
  get isUp(): boolean {
    return this.#publisher.isUp;
  }

  /** How the agent is: a row of `agent_health`. */
  get health(): Point {
    return this.#healthPoint();
  }

  get devices(): readonly DeviceView[] {
    return [...this.#watched.values()].map(({ device, state, reason, read, time, points }) => ({
      address: device.address,
      state,
      reason,
      read,
      time,
      points,
    }));
  }

  /**
   * Waits until everything read so far is reported stored, at most `ms` and while the link is up;
   * for an orderly end. Polling stops.
   */
  async drain(ms: number): Promise<void> {
    await this.#endReading();
    const { clock } = this.#platform;
    const end = clock.monotonic() + ms;
    const waiting = (): boolean => this.#publisher.isUp && this.#spool.ledger.queued > 0;
    while (waiting() && clock.monotonic() < end) await sleep(clock, 20);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#healthTimer?.cancel();
    await this.#endReading();
    await this.#setter.close();
    const { topic, payload } = this.#state("offline", "none");
    await this.#uplink.publish({ topic, payload, retain: true }).catch(() => undefined);
    await this.#publisher.close();
    await this.#uplink[Symbol.asyncDispose]();
    for (const { session } of this.#setup.devices) await session[Symbol.asyncDispose]();
    await this.#spool.close();
  }

  /** Ends polling; what was read is offered to the spool. */
  async #endReading(): Promise<void> {
    await this.#poller.stop();
    await this.#setup.memories?.durable();
  }

  #named(id: string): Watched {
    const watched = this.#watched.get(id);
    if (watched === undefined) throw new GatewayError("E_BUG", `unknown device ${id}`);
    return watched;
  }

  /**
   * What a device says twice with a time of its own is one row: it is not moved on. What it tells
   * of its past must not pass for the present: it is spooled, and leaves as backfill.
   */
  #heard(watched: Watched, { reading, time: measured }: Heard): void {
    const now = this.#platform.clock.now();
    const time = measured ?? momentAfter(watched.time, now);
    const news = measured === undefined || watched.time === undefined || measured >= watched.time;
    void this.#read(watched, reading, { time, news });
  }

  async #read(watched: Watched, reading: Reading, { time, news }: Moment): Promise<void> {
    const { device, inventory } = watched;
    const points = reading.points.filter((point) => this.#legal(device, point));
    this.#faults += reading.faults.length;
    watched.failures = 0;
    if (watched.state !== "online") this.#turn(watched, "online", "none");
    if (points.length === 0) return;
    watched.read += 1;
    if (news) {
      watched.time = time;
      watched.points = points;
    }
    if (inventory.note(reading)) {
      const told = { agent: this.#setup.options.id, origin: device.session.origin?.() };
      this.#publisher.retain(topicOf(device.address, "meta"), inventory.meta(device, told));
    }
    const { address, place } = device;
    // Before the spool, or a counter may be told that is not remembered.
    await this.#setup.memories?.durable();
    const { faults } = reading;
    await this.#offer({ kind: "telemetry", address, place, time, points, faults }, news);
  }

  #legal(device: Described, point: Point): boolean {
    const problem = problemOf(point);
    if (problem === undefined) return true;
    this.#refused += 1;
    if (this.#refused === 1) {
      const fields = { device: device.address.device, code: "E_REGISTER", why: problem };
      this.#platform.log.warn("point refused", fields);
    }
    return false;
  }

  #failed(watched: Watched, error: unknown): void {
    watched.failures += 1;
    const reason = error instanceof GatewayError ? error.code : "E_BUG";
    if (watched.failures === 1) {
      const fields = { device: watched.device.address.device, code: reason, why: messageOf(error) };
      this.#platform.log.warn("poll failed", fields);
    }
    const never = watched.state === "unknown";
    if (watched.state !== "offline" && (never || watched.failures >= failuresToOffline)) {
      this.#turn(watched, "offline", reason);
    }
  }

  #turn(watched: Watched, state: LinkState, reason: string): void {
    const { device } = watched;
    const since = this.#platform.clock.now();
    watched.state = state;
    watched.reason = reason;
    this.#publisher.retain(topicOf(device.address, "state"), statePayload(state, reason, since));
    this.#facades.turned(device.address, state, reason);
    this.#platform.log.info("device turned", { device: device.address.device, state, reason });
    const fields = { link_state: state === "online" ? 1 : 0, reason, q: quality.good };
    void this.#record(device.address, fields);
  }

  /** Makes an event of a device durable. */
  #record(address: DeviceAddress, fields: Fields): Promise<void> {
    const watched = this.#named(address.device);
    const time = momentAfter(watched.event, this.#platform.clock.now());
    watched.event = time;
    const points = [{ measurement: "device_event", fields }];
    const { place } = watched.device;
    return this.#offer({ kind: "event", address, place, time, points, faults: [] });
  }

  async #offer(batch: UnnumberedBatch, live = true): Promise<void> {
    const { kind, time } = batch;
    const spooled = await this.#spool.append(batch);
    if (spooled === undefined) return;
    const { device } = batch.address;
    this.#platform.log.debug("batch spooled", { kind, device, seq: spooled.seq, time });
    if (!live) return;
    this.#publisher.offer(spooled);
    this.#facades.batch(batch, spooled);
  }

  #answer(payload: Uint8Array): void {
    const decoded = decodeStored(payload);
    if (!("ok" in decoded)) {
      this.#platform.log.warn("answer refused", { code: "E_PAYLOAD", why: decoded.problem });
    } else if (decoded.ok.stream === this.#spool.stream) {
      this.#publisher.stored(decoded.ok.ranges);
    }
  }

  /** The hub refused a message of ours and says why; it tells so at most once a second. */
  #denied(payload: Uint8Array): void {
    const why = Buffer.from(payload).toString().slice(0, maxReason);
    this.#platform.log.warn("publish denied", { code: "E_ACCESS", why });
  }

  #state(state: LinkState, reason: string): TextMessage {
    const payload = statePayload(state, reason, this.#platform.clock.now());
    return { topic: topicOf(this.#address, "state"), payload, retain: true };
  }

  #scheduleHealth(delay: number): void {
    const { clock } = this.#platform;
    const { health } = this.#setup.options;
    this.#healthTimer = clock.after(Math.min(delay, health), () => {
      this.#scheduleHealth(health);
      const address = this.#address;
      const reading = { points: [this.#healthPoint()], faults: [] };
      if (this.#health.note(reading)) {
        const described = { driver: "agent", place: {}, profile: undefined, vendor: undefined };
        const meta = this.#health.meta(
          { ...described, model: undefined, interval: health, address },
          { agent: this.#setup.options.id, origin: undefined },
        );
        this.#publisher.retain(topicOf(address, "meta"), meta);
      }
      void this.#offer({ kind: "telemetry", address, place: {}, time: clock.now(), ...reading });
    });
  }

  #healthPoint(): Point {
    const { offered, stored, queued, shed } = this.#spool.ledger;
    const { rss, loopDelay } = this.#setup.vitals();
    return {
      measurement: "agent_health",
      fields: {
        offered_total: offered,
        stored_total: stored,
        queued_count: queued,
        shed_full_total: shed.full,
        shed_disk_total: shed.disk,
        shed_damaged_total: shed.damaged,
        shed_large_total: shed.large,
        base_count: this.#spool.base,
        ...(this.#spool.born === undefined ? {} : { stream_born_ms: this.#spool.born }),
        spool_bytes: this.#spool.bytes,
        polls_total: this.#poller.polls,
        failures_total: this.#poller.failures,
        faults_total: this.#faults,
        overruns_total: this.#poller.overruns,
        refused_total: this.#refused,
        poll_p99_ms: this.#poller.slowest,
        loop_delay_ms: loopDelay,
        rss_bytes: rss,
        q: quality.good,
      },
    };
  }
}

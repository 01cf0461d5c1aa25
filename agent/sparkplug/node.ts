/**
 * An edge node of Sparkplug B 3.0 (the specification's chapters 4 to 6): the agent is the node,
 * its devices are the devices. A view of what the agent reads, at QoS 0 and without a memory: who
 * misses something asks for births, which say everything anew. Data of the past is not shown.
 *
 * Bounds: `maxMetrics` metrics with their newest values, `Outbox` messages before the link, one
 * rebirth in `rebirthRest` however often it is asked for.
 */
import type { DeviceAddress, Platform, Timer, UnnumberedBatch } from "../../telemetry/index.ts";
import type { LinkState } from "../devices.ts";
import type { Facade } from "../facade.ts";
import type { Message, Uplink, UplinkEvents } from "../uplink.ts";
import type { BirthCount } from "./birth-count.ts";
import { asksForRebirth, hostState, rebirthName } from "./commands.ts";
import { Aliases, Metrics } from "./metrics.ts";
import { Outbox } from "./outbox.ts";
import { dataTypes, encodePayload, int64 } from "./payload.ts";
import type { Message as Payload } from "./protobuf.ts";
import type { Node } from "./topics.ts";
import { deviceTopic, nodeTopic, stateTopic } from "./topics.ts";

/** @unit ms */
const rebirthRest = 1000;
/** Between the death for a host that went and the next connection. @unit ms */
const hostRest = 1000;

export interface NodeLink {
  readonly will: () => Message;
  readonly subscribe: readonly string[];
  readonly events: UplinkEvents;
}

export interface NodeSetup extends Node {
  /** The agent's own id: its batches are the node's metrics. */
  readonly agent: string;
  /** Id of the primary host, where there is one. */
  readonly host?: string | undefined;
  readonly births: BirthCount;
  readonly connect: (link: NodeLink) => Uplink;
}

interface Device {
  readonly metrics: Metrics;
  online: boolean;
}

/** One connection: what was said on it. */
interface Session {
  readonly outbox: Outbox;
  readonly born: Set<string>;
  isBorn: boolean;
  seq: number;
}

export class EdgeNode implements Facade {
  readonly name = "sparkplug";
  readonly #setup: NodeSetup;
  readonly #platform: Platform;
  readonly #aliases = new Aliases();
  readonly #metrics = new Metrics(this.#aliases);
  readonly #devices = new Map<string, Device>();
  #link: Uplink;
  #session: Session | undefined;
  #bornAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #hostOnline = false;
  #hostTime = Number.NEGATIVE_INFINITY;
  #closed = false;
  /** Messages that were given up because the link took too little. */
  #dropped = 0;

  constructor(setup: NodeSetup, platform: Platform) {
    this.#setup = setup;
    this.#platform = platform;
    // So that the first birth lists what is told a little later.
    this.#metrics.expect("agent_health", platform.clock.now());
    this.#link = this.#open();
  }

  /** Messages given up for a slow link, and values without a metric. */
  get counts(): { readonly dropped: number; readonly left: number } {
    return { dropped: this.#dropped, left: this.#aliases.left };
  }

  batch({ address, points, time }: UnnumberedBatch): void {
    if (address.class === "agent" && address.device === this.#setup.agent) {
      const { fresh, data } = this.#metrics.take(points, time);
      if (fresh) this.#birth();
      else this.#say(() => this.#payload(nodeTopic(this.#setup, "NDATA"), data));
      return;
    }
    const device = this.#device(address.device);
    const { fresh, data } = device.metrics.take(points, time);
    if (!device.online) return;
    if (fresh || this.#session?.born.has(address.device) !== true) {
      this.#birthOf(address.device, device);
    } else {
      this.#say(() => this.#payload(deviceTopic(this.#setup, "DDATA", address.device), data));
    }
  }

  turned({ device: id }: DeviceAddress, state: LinkState): void {
    this.#device(id).online = state === "online";
    if (state === "online" || this.#session?.born.delete(id) !== true) return;
    this.#say(() => this.#payload(deviceTopic(this.#setup, "DDEATH", id)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#die();
  }

  #device(id: string): Device {
    const known = this.#devices.get(id) ?? { metrics: new Metrics(this.#aliases), online: false };
    this.#devices.set(id, known);
    return known;
  }

  // --- the link ---

  #open(): Uplink {
    const { host } = this.#setup;
    const subscribe = [nodeTopic(this.#setup, "NCMD")];
    return this.#setup.connect({
      will: () => {
        this.#hostOnline = false;
        return this.#death(this.#setup.births.next());
      },
      subscribe: host === undefined ? subscribe : [...subscribe, stateTopic(host)],
      events: {
        up: () => void this.#up(),
        down: () => {
          this.#session?.outbox.clear();
          this.#session = undefined;
        },
        message: (topic, payload, retained = false) => {
          if (host !== undefined && topic === stateTopic(host)) this.#hostTurned(payload);
          else if (!retained && asksForRebirth(payload)) this.#rebirth();
        },
      },
    });
  }

  async #up(): Promise<void> {
    const outbox = new Outbox((message) => this.#link.publish(message));
    const session = { outbox, born: new Set<string>(), isBorn: false, seq: 0 };
    this.#session = session;
    await this.#setup.births.durable();
    if (this.#session === session && !session.isBorn && this.#mayBeBorn) this.#birth(true);
  }

  get #mayBeBorn(): boolean {
    return this.#setup.host === undefined || this.#hostOnline;
  }

  /** An older word of the host than the newest is none: its will may come late. */
  #hostTurned(payload: Uint8Array): void {
    const state = hostState(payload);
    if (state === undefined || state.timestamp < this.#hostTime) return;
    this.#hostTime = state.timestamp;
    this.#hostOnline = state.online;
    const session = this.#session;
    if (session === undefined) return;
    if (state.online) {
      if (!session.isBorn) this.#birth(true);
    } else if (session.isBorn) {
      void this.#beginAgain();
    }
  }

  async #beginAgain(): Promise<void> {
    await this.#die();
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = this.#platform.clock.after(hostRest, () => {
      this.#timer = undefined;
      this.#link = this.#open();
    });
  }

  async #die(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    session?.outbox.clear();
    const link = this.#link;
    const said =
      session?.isBorn === true ? link.publish(this.#death(this.#setup.births.last)) : undefined;
    await said?.catch(() => undefined);
    await link[Symbol.asyncDispose]();
  }

  // --- births ---

  /** Asked for too often it is done once, later. */
  #rebirth(): void {
    const { clock } = this.#platform;
    if (this.#session?.isBorn !== true) return;
    const rest = this.#bornAt + rebirthRest - clock.monotonic();
    if (rest <= 0) return this.#birth();
    this.#timer ??= clock.after(rest, () => {
      this.#timer = undefined;
      this.#birth();
    });
  }

  /** Says everything anew, on a connection that may speak. @param first even if it never did */
  #birth(first = false): void {
    const session = this.#session;
    if (session === undefined || (!session.isBorn && !first)) return;
    this.#bornAt = this.#platform.clock.monotonic();
    session.isBorn = true;
    session.born.clear();
    this.#dropped += session.outbox.clear();
    session.outbox.add(() => {
      session.seq = 0;
      return this.#payload(nodeTopic(this.#setup, "NBIRTH"), this.#nodeMetrics());
    });
    for (const [id, device] of this.#devices) {
      if (device.online && device.metrics.size > 0) this.#birthOf(id, device);
    }
    this.#platform.log.debug("sparkplug born", { bdSeq: this.#setup.births.last });
  }

  #birthOf(id: string, { metrics }: Device): void {
    const session = this.#session;
    if (session?.isBorn !== true) return;
    session.born.add(id);
    session.outbox.add(() => {
      return this.#payload(deviceTopic(this.#setup, "DBIRTH", id), metrics.birth());
    });
  }

  #nodeMetrics(): Payload[] {
    const timestamp = BigInt(this.#platform.clock.now());
    return [
      bdSeqMetric(this.#setup.births.last, timestamp),
      { name: rebirthName, timestamp, datatype: dataTypes.boolean, boolean_value: false },
      ...this.#metrics.birth(),
    ];
  }

  #death(bdSeq: number): Message {
    const timestamp = BigInt(this.#platform.clock.now());
    const payload = encodePayload({ timestamp, metrics: [bdSeqMetric(bdSeq, timestamp)] });
    return { topic: nodeTopic(this.#setup, "NDEATH"), payload, retain: false, qos: 1 };
  }

  // --- messages ---

  #say(make: () => Message): void {
    const session = this.#session;
    // Before the births that were asked for no data may come; they hold the newest values.
    if (session?.isBorn !== true || this.#timer !== undefined) return;
    if (session.outbox.push(make)) return;
    // Births hold the newest values of all that is given up.
    this.#dropped += 1;
    this.#rebirth();
  }

  #payload(topic: string, metrics: readonly Payload[] = []): Message {
    const session = this.#session;
    const seq = session?.seq ?? 0;
    if (session !== undefined) session.seq = (seq + 1) % 256;
    const timestamp = BigInt(this.#platform.clock.now());
    const payload = encodePayload({ timestamp, metrics, seq: BigInt(seq) });
    return { topic, payload, retain: false, qos: 0 };
  }
}

function bdSeqMetric(bdSeq: number, timestamp: bigint): Payload {
  return { name: "bdSeq", timestamp, datatype: dataTypes.int64, long_value: int64(bdSeq) };
}

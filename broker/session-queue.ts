/**
 * What waits for one client that keeps its session, in order, within bounds: the oldest message
 * goes first, unless it is on its way. Packet identifiers live as long as the session does, not the
 * connection [MQTT-2.3.1-4].
 */
import { PacketIds } from "./packet-ids.ts";

/** A packet as aedes hands it over, in the parts that are kept. */
export interface Packet {
  readonly cmd?: string;
  readonly topic?: string;
  readonly payload?: Buffer | string;
  readonly qos?: number;
  readonly retain?: boolean;
  readonly dup?: boolean;
  brokerId?: string;
  readonly brokerCounter?: number;
  messageId?: number | undefined;
  clientId?: string;
}

export interface QueueLimits {
  readonly messages: number;
  /** @unit bytes */
  readonly bytes: number;
}

interface Queued {
  /** Rises along a session. */
  readonly seq: number;
  packet: Packet;
  readonly bytes: number;
  /** Not told to whoever keeps it: its client asks for it anew. */
  readonly passing: boolean;
}

/** Hears what is there now under a number; undefined: nothing. */
type Changed = (seq: number, packet: Packet | undefined) => void;

/** What of a packet counts beside topic and payload. @unit bytes */
const overhead = 200;

export class SessionQueue {
  readonly #changed: Changed;
  /** In the order of their numbers. */
  readonly #queue: Queued[] = [];
  /** Those on their way. */
  readonly #byId = new Map<number, Queued>();
  /** By whom they were published; aedes knows them by that until they are on their way. */
  readonly #bySource = new Map<string, Queued>();
  #ids: PacketIds | undefined;
  #bytes = 0;
  #next = 0;

  constructor(changed: Changed) {
    this.#changed = changed;
  }

  get packets(): Packet[] {
    return this.#queue.map(({ packet }) => packet);
  }

  /** One that was kept; they come in the order of their numbers. */
  restore(seq: number, packet: Packet): void {
    this.#next = seq;
    this.#append(packet);
  }

  /** Adds one; how many had to go for it. */
  add(packet: Packet, limits: QueueLimits): number {
    this.#tell(this.#append(waiting(packet)));
    let shed = 0;
    while (this.#isOver(limits)) {
      // What is on its way has its number already, and its client would wait for it.
      const oldest = this.#queue.find((queued) => queued.packet.messageId === undefined);
      if (oldest === undefined) break;
      this.#drop(oldest);
      shed += 1;
    }
    return shed;
  }

  /**
   * Gives one that waits its packet identifier: it is on its way.
   * @returns undefined when it had to go, or no identifier is free
   */
  send(packet: Packet): number | undefined {
    const queued = this.#bySource.get(sourceOf(packet));
    const id = queued?.packet.messageId ?? (queued === undefined ? undefined : this.#freeId());
    if (queued !== undefined && id !== undefined) this.#number(queued, id);
    return id;
  }

  /** Takes in a retained message that is on its way, while there is room: else it is sent once. */
  pass(packet: Packet, limits: QueueLimits): number | undefined {
    const id = this.#freeId();
    if (id !== undefined && !this.#isOver(limits)) {
      const { brokerId: _nobody, ...kept } = packet;
      const queued = this.#append({ ...waiting(kept), retain: true }, true);
      this.#number(queued, id);
    }
    return id;
  }

  /** The next one behind a number, as it is to be sent, also again. */
  after(seq: number): { readonly seq: number; readonly packet: Packet } | undefined {
    const queued = this.#queue[this.#indexOf(seq + 1)];
    if (queued === undefined) return undefined;
    if (queued.packet.cmd === "pubrel") return queued;
    if (queued.packet.messageId !== undefined) {
      // [MQTT-3.3.1-1] [MQTT-4.4.0-1]
      return { seq: queued.seq, packet: { ...queued.packet, dup: true } };
    }
    const id = this.#freeId();
    if (id === undefined) return undefined;
    this.#number(queued, id);
    return { seq: queued.seq, packet: queued.packet };
  }

  /**
   * Gives a message its packet identifier, or puts the next packet of its handshake in its place.
   * @returns whether there is such a message
   */
  update(packet: Packet): boolean {
    const { cmd, messageId = 0 } = packet;
    if (cmd !== "pubrel") {
      const queued = this.#bySource.get(sourceOf(packet)) ?? this.#byId.get(messageId);
      if (queued !== undefined) this.#number(queued, messageId);
      return queued !== undefined;
    }
    const queued = this.#byId.get(messageId);
    if (queued === undefined) return false;
    if (queued.packet.cmd !== "pubrel") this.#bySource.delete(sourceOf(queued.packet));
    // [MQTT-4.3.3-1]: from here on not the PUBLISH but the PUBREL is sent again.
    queued.packet = packet;
    this.#tell(queued);
    return true;
  }

  /** Takes out the message that an acknowledgement ends, and frees its packet identifier. */
  take({ messageId, cmd }: Packet): Packet | undefined {
    if (messageId === undefined) return undefined;
    const queued = this.#byId.get(messageId);
    if (queued === undefined) {
      this.#ids?.release(messageId);
      return undefined;
    }
    const isTwo = queued.packet.cmd === "pubrel" || queued.packet.qos === 2;
    // [MQTT-4.3.3-1]. A PUBCOMP before PUBREL is MQTT 5's front: its client refused the message.
    const isItsOwn = cmd === "puback" ? !isTwo : cmd !== "pubcomp" || isTwo;
    return isItsOwn ? this.#drop(queued) : undefined;
  }

  /** Takes out one that waits and is not to be sent. */
  withdraw(packet: Packet): void {
    const queued = this.#bySource.get(sourceOf(packet));
    if (queued !== undefined && queued.packet.messageId === undefined) this.#drop(queued);
  }

  clear(): void {
    for (const queued of this.#queue.toReversed()) this.#drop(queued);
  }

  #isOver({ messages, bytes }: QueueLimits): boolean {
    return this.#queue.length > messages || this.#bytes > bytes;
  }

  #append(packet: Packet, passing = false): Queued {
    const { topic = "", payload = "", messageId } = packet;
    const bytes = topic.length + payload.length + overhead;
    const queued = { seq: this.#next, packet, bytes, passing };
    this.#next += 1;
    this.#queue.push(queued);
    this.#bytes += bytes;
    if (packet.cmd !== "pubrel" && !passing) this.#bySource.set(sourceOf(packet), queued);
    if (messageId !== undefined) {
      this.#byId.set(messageId, queued);
      this.#idsOf().hold(messageId);
    }
    return queued;
  }

  #number(queued: Queued, id: number): void {
    if (queued.packet.messageId === id && this.#byId.get(id) === queued) return;
    queued.packet.messageId = id;
    this.#byId.set(id, queued);
    this.#idsOf().hold(id);
    this.#tell(queued);
  }

  #freeId(): number | undefined {
    return this.#idsOf().next();
  }

  #idsOf(): PacketIds {
    this.#ids ??= new PacketIds();
    return this.#ids;
  }

  #tell({ seq, packet, passing }: Queued): void {
    if (!passing) this.#changed(seq, packet);
  }

  #drop(queued: Queued): Packet {
    this.#queue.splice(this.#indexOf(queued.seq), 1);
    this.#bytes -= queued.bytes;
    const { packet, seq, passing } = queued;
    const source = sourceOf(packet);
    if (this.#bySource.get(source) === queued) this.#bySource.delete(source);
    const { messageId } = packet;
    if (messageId !== undefined && this.#byId.get(messageId) === queued) {
      this.#byId.delete(messageId);
      this.#ids?.release(messageId);
    }
    if (!passing) this.#changed(seq, undefined);
    return packet;
  }

  /** Where the first one stands whose number is not below `seq`. */
  #indexOf(seq: number): number {
    let from = 0;
    let to = this.#queue.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#queue[middle]?.seq ?? seq) < seq) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

function sourceOf({ brokerId = "", brokerCounter = 0 }: Packet): string {
  return `${brokerId} ${brokerCounter}`;
}

/** A packet as it waits: without a number until it is sent. */
export function waiting(packet: Packet): Packet {
  const { cmd = "publish", brokerId, brokerCounter = 0, topic, payload = Buffer.alloc(0) } = packet;
  const { qos = 0, retain = false, dup = false } = packet;
  return {
    cmd,
    ...(brokerId === undefined ? {} : { brokerId }),
    brokerCounter,
    ...(topic === undefined ? {} : { topic }),
    payload,
    qos,
    retain,
    dup,
    messageId: undefined,
  };
}

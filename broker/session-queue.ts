/**
 * What waits for one client that keeps its session, in order, within bounds: the oldest message
 * goes first, unless it is on its way.
 */

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
}

/** Hears what is there now under a number; undefined: nothing. */
type Changed = (seq: number, packet: Packet | undefined) => void;

/** What of a packet counts beside topic and payload. @unit bytes */
const overhead = 200;

export class SessionQueue {
  readonly #changed: Changed;
  readonly #queue: Queued[] = [];
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
  add(packet: Packet, { messages, bytes }: QueueLimits): number {
    this.#changed(this.#append(waiting(packet)), this.#queue.at(-1)?.packet);
    let shed = 0;
    while (this.#queue.length > messages || this.#bytes > bytes) {
      // What is on its way has its number already, and its client would wait for it.
      const oldest = this.#queue.findIndex((queued) => queued.packet.messageId === undefined);
      if (oldest < 0) break;
      this.#drop(oldest);
      shed += 1;
    }
    return shed;
  }

  /**
   * Gives a message its packet identifier, or puts the next packet of its handshake in its place.
   * @returns whether there is such a message
   */
  update(packet: Packet): boolean {
    for (const queued of this.#queue) {
      if (queued.packet.brokerId === packet.brokerId) {
        if (queued.packet.brokerCounter !== packet.brokerCounter) continue;
        queued.packet.messageId = packet.messageId;
        return true;
      }
      if (queued.packet.messageId !== packet.messageId) continue;
      queued.packet = packet;
      return true;
    }
    return false;
  }

  /**
   * Takes the message with this packet identifier out; without one, the very message that waits:
   * it came by two subscriptions, or is not to be heard.
   */
  take({ messageId, brokerId, brokerCounter }: Packet): Packet | undefined {
    const index = this.#queue.findIndex(({ packet }) => {
      if (packet.messageId !== messageId) return false;
      const same = packet.brokerId === brokerId && packet.brokerCounter === brokerCounter;
      return messageId !== undefined || same;
    });
    return index < 0 ? undefined : this.#drop(index);
  }

  clear(): void {
    while (this.#queue.length > 0) this.#drop(this.#queue.length - 1);
  }

  #append(packet: Packet): number {
    const { topic = "", payload = "" } = packet;
    const seq = this.#next;
    const bytes = topic.length + payload.length + overhead;
    this.#next += 1;
    this.#queue.push({ seq, packet, bytes });
    this.#bytes += bytes;
    return seq;
  }

  #drop(index: number): Packet | undefined {
    const [gone] = this.#queue.splice(index, 1);
    if (gone === undefined) return undefined;
    this.#bytes -= gone.bytes;
    this.#changed(gone.seq, undefined);
    return gone.packet;
  }
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

/**
 * A link, a store and a disk that take the time such things take, under virtual time. Stated here
 * once: a link of 1 Mbit/s each way with a round trip of 50 ms, each message with 60 bytes of
 * headers; a store that needs 3 ms and 20 µs a row for a write; a disk that needs 5 ms for a sync
 * and moves 40 MB/s.
 */
import type { LinkSetup, Message, Uplink } from "../../agent/index.ts";
import type { Store } from "../../store/index.ts";
import type { Clock, DiskFile, Line } from "../../telemetry/index.ts";
import { GatewayError, sleep } from "../../telemetry/index.ts";
import { MemoryDisk } from "../virtual.ts";

/** @unit bytes per ms */
const linkSpeed = 125;
/** One way. @unit ms */
const linkDelay = 25;
/** Of TCP/IP and MQTT, for each message. @unit bytes */
const headers = 60;
/** @unit ms */
const writeCost = 3;
const rowCost = 0.02;
const syncCost = 5;
/** @unit bytes per ms */
const diskSpeed = 40_000;

/** One direction of a link: bytes leave one after the other. */
class Direction {
  readonly #clock: Clock;
  #free = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  send(bytes: number, arrived: () => void): void {
    const now = this.#clock.monotonic();
    this.#free = Math.max(this.#free, now) + (bytes + headers) / linkSpeed;
    this.#clock.after(this.#free - now + linkDelay, arrived);
  }
}

export class CostedLink {
  /** Undefined while the hub is not there. */
  hub: ((message: Message) => void) | undefined;
  readonly #toHub: Direction;
  readonly #toAgent: Direction;
  #agent: LinkSetup | undefined;
  #up = false;
  /** Payload bytes that went to the hub. */
  carried = 0;

  constructor(clock: Clock) {
    this.#toHub = new Direction(clock);
    this.#toAgent = new Direction(clock);
  }

  connect(link: LinkSetup): Uplink {
    this.#agent = link;
    return {
      publish: (message) => this.#publish(message),
      [Symbol.asyncDispose]: () => Promise.resolve(this.set(false)),
    };
  }

  set(up: boolean): void {
    if (this.#up === up) return;
    this.#up = up;
    if (up) this.#agent?.events.up();
    else this.#agent?.events.down();
  }

  tell(topic: string, payload: string): void {
    if (!this.#up) return;
    const bytes = Buffer.from(payload);
    this.#toAgent.send(topic.length + bytes.length, () => {
      if (this.#up) void this.#agent?.events.message(topic, bytes);
    });
  }

  #publish(message: Message): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const lost = (): void => reject(new GatewayError("E_UPLINK", "cut"));
    const bytes = message.topic.length + Buffer.byteLength(message.payload);
    if (!this.#up) lost();
    else {
      this.carried += bytes;
      this.#toHub.send(bytes, () => {
        if (!this.#up) return lost();
        this.hub?.(message);
        this.#toAgent.send(4, () => (this.#up ? resolve() : lost()));
      });
    }
    return promise;
  }
}

export function costedStore(
  clock: Clock,
  put: (line: Line) => void,
): Pick<Store, "title" | "write"> {
  return {
    title: "outage",
    write: async (lines) => {
      await sleep(clock, writeCost + lines.length * rowCost);
      for (const line of lines) put(line);
      return { accepted: lines.length, rejected: [] };
    },
  };
}

/** A disk in memory that takes its time; one thing after the other. */
export class CostedDisk extends MemoryDisk {
  readonly #clock: Clock;
  #free = 0;

  constructor(clock: Clock, capacity: number) {
    super(capacity);
    this.#clock = clock;
  }

  get used(): number {
    let sum = 0;
    for (const bytes of this.files.values()) sum += bytes.length;
    return sum;
  }

  override async open(name: string, size: number): Promise<DiskFile> {
    if (!this.files.has(name)) await this.takes(syncCost, size);
    const file = await super.open(name, size);
    const takes = (ms: number, bytes: number): Promise<void> => this.takes(ms, bytes);
    return {
      get size() {
        return file.size;
      },
      read: async (position, length) => {
        await takes(0, length);
        return file.read(position, length);
      },
      write: (position, bytes) => file.write(position, bytes),
      sync: async () => {
        await takes(syncCost, 0);
        await file.sync();
      },
      close: () => file.close(),
    };
  }

  override async replace(name: string, bytes: Uint8Array): Promise<void> {
    await this.takes(2 * syncCost, bytes.length);
    await super.replace(name, bytes);
  }

  async takes(ms: number, bytes: number): Promise<void> {
    const now = this.#clock.monotonic();
    this.#free = Math.max(this.#free, now) + ms + bytes / diskSpeed;
    await sleep(this.#clock, this.#free - now);
  }
}

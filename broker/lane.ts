/**
 * Back-pressure with order kept: the publishes of one client go on in the order they came, and
 * those that need room wait for it, so that PUBACKs stay in order [MQTT-4.6.0-2].
 *
 * What waits is bounded by what the broker takes in at once for a client (`guard.ts`, 64 KiB and
 * one read of the socket): it reads on only when all of that is done.
 */
import type { Clock } from "../telemetry/index.ts";

/**
 * How long a client may wait before it goes on all the same. A keepalive cannot be answered
 * meanwhile: below 1.5 × 20 s, the shortest we advise [MQTT-3.1.2-24]. @unit ms
 */
export const roomWithin = 20_000;

/** Last levels of the topics whose messages are stored, and so wait for room. */
export const batchKinds = ["telemetry", "event", "backfill"] as const;

interface Waiting {
  readonly needsRoom: boolean;
  readonly go: () => void;
}

export type Room = () => Promise<void> | undefined;

export class Lane {
  readonly #room: (needsRoom: boolean) => Promise<void> | undefined;
  readonly #clock: Pick<Clock, "after">;
  #queue: Waiting[] = [];
  #running: Waiting | undefined;

  /** @param room what a publish waits for, of those that need room and of those that do not */
  constructor(
    room: (needsRoom: boolean) => Promise<void> | undefined,
    clock: Pick<Clock, "after">,
  ) {
    this.#room = room;
    this.#clock = clock;
  }

  /**
   * The connection is gone. What waits for room is given up without its PUBACK: on the client's
   * next connection newer publishes may be through already. What needs none, a will, still goes.
   */
  close(): void {
    this.#queue = this.#queue.filter((one) => !one.needsRoom && one !== this.#running);
  }

  /** Runs `go` at once, or behind what waits already and when there is room. */
  enter(needsRoom: boolean, go: () => void): void {
    if (this.#queue.length > 0) {
      this.#queue.push({ needsRoom, go });
      return;
    }
    const room = this.#room(needsRoom);
    if (room === undefined) {
      go();
      return;
    }
    this.#queue.push({ needsRoom, go });
    void this.#drain(room);
  }

  async #drain(first: Promise<void>): Promise<void> {
    const patience = Promise.withResolvers<true>();
    const timer = this.#clock.after(roomWithin, () => patience.resolve(true));
    let late = await Promise.race([granted(first), patience.promise]);
    while (this.#queue.length > 0) {
      const room = late ? undefined : this.#room(this.#queue[0]?.needsRoom !== false);
      if (room === undefined) this.#next();
      else late = await Promise.race([granted(room), patience.promise]);
    }
    timer.cancel();
  }

  /** The head leaves the queue only when it has run: what it starts goes behind it. */
  #next(): void {
    const queue = this.#queue;
    this.#running = queue[0];
    this.#running?.go();
    this.#running = undefined;
    queue.shift();
  }
}

/** False, "not late": no room because the store failed is the hub's affair, the publish goes on. */
function granted(room: Promise<void>): Promise<boolean> {
  return room.then(
    () => false,
    () => false,
  );
}

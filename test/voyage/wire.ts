/**
 * The link between an agent and a hub, as a broker would be: QoS 1, in order on a connection, but
 * late, and now and then twice. It is cut at any moment: what is on the way is then lost, or comes
 * late, behind what a new connection brings; or it carries one direction only, and neither side
 * knows. Answers come late, twice, out of order or never.
 */
import type { LinkSetup, Message, Uplink } from "../../agent/index.ts";
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Chance } from "./chance.ts";
import type { SimProcess } from "./process.ts";

/** How the way is: `deaf` carries nothing to the hub, `mute` nothing from it. */
export type Way = "open" | "cut" | "deaf" | "mute";

/** What the voyage asks of a link, whatever it is made of. */
export interface Wire {
  connect(process: SimProcess, link: LinkSetup): Uplink;
  set(way: Way): void;
  /** Called at every step of the voyage. */
  step(): void;
  /** The most live messages that were ever on the way unacknowledged. */
  readonly mostUnacknowledged: number;
}

/** The hub's ear. */
export interface Ear {
  readonly process: SimProcess;
  readonly take: (message: Message) => void;
}

/** A mistake to be found: messages of a connection overtake each other. */
export type WireFlaw = "overtake" | undefined;

/** A connection that carries one direction only is given up by keepalive. @unit ms */
const keepalive = 45_000;

interface End {
  readonly process: SimProcess;
  readonly link: LinkSetup;
  up: boolean;
  /** Changes with each connection. */
  connection: number;
  unacknowledged: number;
}

export class SimWire implements Wire {
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #flaw: WireFlaw;
  /** Undefined while the hub is down. */
  hub: Ear | undefined;
  mostUnacknowledged = 0;
  #way: Way = "open";
  /** When the way was last open. */
  #openAt = 0;
  #ends: End[] = [];
  /** When the newest message on the way arrives. */
  #newest = 0;
  /** What waits for a way that carries nothing now. */
  #held: (() => void)[] = [];

  constructor(clock: Clock, chance: Chance, flaw?: WireFlaw) {
    this.#clock = clock;
    this.#chance = chance;
    this.#flaw = flaw;
  }

  connect(process: SimProcess, link: LinkSetup): Uplink {
    const end: End = { process, link, up: false, connection: 0, unacknowledged: 0 };
    this.#ends = this.#ends.filter((other) => !other.process.dead);
    this.#ends.push(end);
    return {
      publish: (message) => process.guard(this.#publish(end, message)),
      [Symbol.asyncDispose]: () => {
        end.up = false;
        this.#ends = this.#ends.filter((other) => other !== end);
        return Promise.resolve();
      },
    };
  }

  set(way: Way): void {
    this.#way = way;
    const held = this.#held;
    this.#held = [];
    if (way !== "cut") for (const run of held) run();
  }

  step(): void {
    if (this.#way === "open") this.#openAt = this.#clock.monotonic();
    const lost = this.#clock.monotonic() - this.#openAt > keepalive;
    const open = this.hub !== undefined && !lost && this.#way !== "cut";
    for (const end of this.#ends) {
      // No connection comes about over half a way.
      if (end.process.dead || end.up === open || (open && this.#way !== "open")) continue;
      end.up = open;
      end.connection += 1;
      end.unacknowledged = 0;
      const { up, down } = end.link.events;
      end.process.clock.after(0, () => (open ? up() : down()));
    }
  }

  /** From the hub to whoever subscribes; may be lost, come twice or out of order. */
  tell(topic: string, payload: string): void {
    for (const end of this.#ends) {
      if (!end.link.subscribe.includes(topic) || this.#chance.chance(0.02)) continue;
      const copies = this.#chance.chance(0.05) ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        this.#clock.after(this.#delay(), () => this.#hear(end, topic, payload));
      }
    }
  }

  #hear(end: End, topic: string, payload: string): void {
    if (this.#way === "mute") this.#held.push(() => this.#hear(end, topic, payload));
    else if (end.up && this.#way !== "cut") {
      end.process.clock.after(0, () => {
        void end.link.events.message(topic, Buffer.from(payload));
      });
    }
  }

  #publish(end: End, message: Message): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { connection } = end;
    const lost = (): void => reject(new GatewayError("E_UPLINK", "cut"));
    if (!end.up) {
      lost();
      return promise;
    }
    const live = /\/(?:telemetry|event)$/.test(message.topic);
    if (live) this.#count(end);
    // A connection keeps the order of its messages; each takes its time.
    const arrival = this.#clock.monotonic() + this.#delay();
    this.#newest = this.#flaw === "overtake" ? arrival : Math.max(this.#newest, arrival);
    const delay = this.#newest - this.#clock.monotonic();
    const copies = this.#chance.chance(0.03) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.#clock.after(delay, () => this.#arrive(end, connection, message));
    }
    const settle = (): void => {
      const same = end.up && end.connection === connection;
      if (same && this.#way !== "open" && this.#way !== "cut") this.#held.push(settle);
      else if (same) {
        if (live) end.unacknowledged -= 1;
        resolve();
      } else lost();
    };
    this.#clock.after(delay + this.#delay(), settle);
    return promise;
  }

  #arrive(end: End, connection: number, message: Message): void {
    if (this.#way === "deaf") {
      this.#held.push(() => this.#arrive(end, connection, message));
      return;
    }
    const { hub } = this;
    if (hub === undefined) return;
    if (end.up && end.connection === connection && this.#way !== "cut") {
      hub.process.clock.after(0, () => hub.take(message));
    } else if (!message.topic.endsWith("/telemetry") && this.#chance.chance(0.5)) {
      // A broker lets nothing live of a connection through that was taken over.
      const late = this.#chance.whole(0, 8000);
      this.#clock.after(late, () => hub.process.clock.after(0, () => hub.take(message)));
    }
  }

  #count(end: End): void {
    end.unacknowledged += 1;
    this.mostUnacknowledged = Math.max(this.mostUnacknowledged, end.unacknowledged);
  }

  #delay(): number {
    return this.#chance.chance(0.02) ? this.#chance.whole(100, 2000) : this.#chance.whole(1, 20);
  }
}

/**
 * The link between agents and a hub, as a broker would be: QoS 1, so that messages may come twice;
 * in order, but late; cut at any moment. What is on the way when it is cut is lost or delivered.
 */
import type { Message, Uplink, UplinkEvents } from "../../agent/index.ts";
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Chance } from "./chance.ts";
import type { SimProcess } from "./process.ts";

export type Deliver = (message: Message) => void;

interface End {
  readonly process: SimProcess;
  readonly events: UplinkEvents;
  readonly subscribe: readonly string[];
  up: boolean;
}

export class SimWire {
  readonly #clock: Clock;
  readonly #chance: Chance;
  /** The hub's ear; undefined while it is down. */
  hub: Deliver | undefined;
  cut = false;
  #ends: End[] = [];
  /** When the newest message on the way arrives. */
  #newest = 0;
  /** Everything that reached the broker on a telemetry topic, for the law of order. */
  readonly seen: Message[] = [];

  constructor(clock: Clock, chance: Chance) {
    this.#clock = clock;
    this.#chance = chance;
  }

  connect(process: SimProcess, events: UplinkEvents, subscribe: readonly string[]): Uplink {
    const end: End = { process, events, subscribe, up: false };
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

  /** Lets links come up and go down as the world says; called at every step of the voyage. */
  step(): void {
    const open = !this.cut && this.hub !== undefined;
    for (const end of this.#ends) {
      if (end.process.dead || end.up === open) continue;
      end.up = open;
      if (open) end.events.up();
      else end.events.down();
    }
  }

  /** From the hub to whoever subscribes; may be lost or come twice. */
  tell(topic: string, payload: string): void {
    for (const end of this.#ends) {
      if (!end.subscribe.includes(topic) || this.#chance.chance(0.02)) continue;
      const copies = this.#chance.chance(0.05) ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        this.#clock.after(this.#delay(), () => {
          if (!end.process.dead && end.up) void end.events.message(topic, Buffer.from(payload));
        });
      }
    }
  }

  #publish(end: End, message: Message): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const lost = (): void => reject(new GatewayError("E_UPLINK", "cut"));
    if (!end.up) {
      lost();
      return promise;
    }
    // A connection keeps the order of its messages; each takes its time.
    this.#newest = Math.max(this.#newest, this.#clock.monotonic() + this.#delay());
    const delay = this.#newest - this.#clock.monotonic();
    this.#arrive(message, delay);
    if (this.#chance.chance(0.03)) this.#arrive(message, delay);
    this.#clock.after(delay + this.#delay(), () => (end.up ? resolve() : lost()));
    return promise;
  }

  #arrive(message: Message, delay: number): void {
    this.#clock.after(delay, () => {
      if (this.cut || this.hub === undefined) return;
      if (message.topic.endsWith("/telemetry")) this.seen.push(message);
      this.hub(message);
    });
  }

  #delay(): number {
    return this.#chance.chance(0.02) ? this.#chance.whole(100, 2000) : this.#chance.whole(1, 20);
  }
}

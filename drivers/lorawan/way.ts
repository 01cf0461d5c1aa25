/**
 * The connection to one network server's MQTT broker, shared by all its devices: each adds its own
 * narrow topics, and hears its own events.
 */
import type { Entropy } from "../../telemetry/index.ts";
import type { Ear, OpenWay, Way } from "../transport/audience.ts";
import type { MqttLink, MqttServer } from "../transport/mqtt.ts";
import { connectMqtt } from "../transport/mqtt.ts";
import type { LorawanEvent } from "./event.ts";
import { eventOf } from "./event.ts";

/** What a message of the broker was. */
export interface Said {
  readonly topic: string;
  /** Undefined: nothing that can be understood. */
  readonly event: LorawanEvent | undefined;
  readonly retained: boolean;
}

export interface Mark {
  /** Lists of topic filters; it is enough when the broker grants one of the lists. */
  readonly filters: readonly (readonly string[])[];
}

export type LorawanEar = Ear<Said> & Mark;

export function lorawanWay(
  server: Omit<MqttServer, "clientId">,
  entropy: Entropy,
): OpenWay<Said, LorawanEar> {
  return async (events, signal) => {
    const link = await connectMqtt(
      { ...server, clientId: `rackstreet-${entropy.id()}` },
      {
        message: ({ topic, payload, retained }) =>
          events.heard({ topic, event: eventOf(topic, payload), retained }),
        broken: events.broken,
      },
      signal,
    );
    return new LorawanWay(link);
  };
}

class LorawanWay implements Way<LorawanEar> {
  readonly #link: MqttLink;
  /** Users of each filter; bounded by the devices of the configuration. */
  readonly #users = new Map<string, number>();

  constructor(link: MqttLink) {
    this.#link = link;
  }

  joined(ear: LorawanEar): void {
    for (const filter of ear.filters.flat()) {
      this.#users.set(filter, (this.#users.get(filter) ?? 0) + 1);
    }
    const asked = ear.filters.map((filters) => this.#link.subscribe(filters));
    void Promise.any(asked).catch((reasons: unknown) => {
      ear.failed(reasons instanceof AggregateError ? reasons.errors[0] : reasons);
    });
  }

  left(ear: LorawanEar): void {
    const unused = ear.filters.flat().filter((filter) => {
      const users = (this.#users.get(filter) ?? 1) - 1;
      if (users > 0) this.#users.set(filter, users);
      else this.#users.delete(filter);
      return users <= 0;
    });
    if (unused.length > 0) this.#link.unsubscribe(unused);
  }

  close(): Promise<void> {
    return this.#link.close();
  }
}

/**
 * The connection to one MQTT broker, shared by all its devices: each adds its own narrow topic
 * filters, and hears what its driver understands.
 */
import type { Entropy } from "../../telemetry/index.ts";
import type { Ear, OpenWay, Way } from "./audience.ts";
import type { MqttLink, MqttMessage, MqttServer } from "./mqtt.ts";
import { connectMqtt } from "./mqtt.ts";

export interface MqttMark {
  /** Lists of topic filters; it is enough when the broker grants one of the lists. */
  readonly filters: readonly (readonly string[])[];
}

export type MqttEar<Said> = Ear<Said> & MqttMark;

/** @param understand what every listener of this broker is told of a message */
export function mqttWay<Said>(
  server: Omit<MqttServer, "clientId">,
  entropy: Entropy,
  understand: (message: MqttMessage) => Said,
): OpenWay<Said, MqttEar<Said>> {
  return async (events, signal) => {
    const link = await connectMqtt(
      { ...server, clientId: `rackstreet-${entropy.id()}` },
      { message: (message) => events.heard(understand(message)), broken: events.broken },
      signal,
    );
    return new MqttWay<Said>(link);
  };
}

class MqttWay<Said> implements Way<MqttEar<Said>> {
  readonly #link: MqttLink;
  /** Users of each filter; bounded by the devices of the configuration. */
  readonly #users = new Map<string, number>();

  constructor(link: MqttLink) {
    this.#link = link;
  }

  joined(ear: MqttEar<Said>): void {
    for (const filter of ear.filters.flat()) {
      this.#users.set(filter, (this.#users.get(filter) ?? 0) + 1);
    }
    const asked = ear.filters.map((filters) => this.#link.subscribe(filters));
    void Promise.any(asked).catch((reasons: unknown) => {
      ear.failed(reasons instanceof AggregateError ? reasons.errors[0] : reasons);
    });
  }

  left(ear: MqttEar<Said>): void {
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

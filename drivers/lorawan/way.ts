/** What the devices of one network server hear at its MQTT broker. */
import type { Entropy } from "../../telemetry/index.ts";
import type { OpenWay } from "../transport/audience.ts";
import type { MqttEar } from "../transport/mqtt-way.ts";
import { mqttWay } from "../transport/mqtt-way.ts";
import type { MqttServer } from "../transport/mqtt.ts";
import type { LorawanEvent } from "./event.ts";
import { eventOf } from "./event.ts";

/** What a message of the broker was. */
export interface Said {
  readonly topic: string;
  /** Undefined: nothing that can be understood. */
  readonly event: LorawanEvent | undefined;
  readonly retained: boolean;
}

export type LorawanEar = MqttEar<Said>;

export function lorawanWay(
  server: Omit<MqttServer, "clientId">,
  entropy: Entropy,
): OpenWay<Said, LorawanEar> {
  return mqttWay(server, entropy, ({ topic, payload, retained }) => {
    return { topic, event: eventOf(topic, payload), retained };
  });
}

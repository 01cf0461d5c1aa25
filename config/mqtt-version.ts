/** Which version of MQTT a link to a broker speaks: an option of many rooms. */
import { option, v } from "./options.ts";
import type { Schema } from "./options.ts";

/** `auto`: 5, and 3.1.1 at a broker that refuses it. */
export type MqttVersion = "3.1.1" | "5" | "auto";

export const mqttVersion: Schema<MqttVersion> = option(v.picklist(["3.1.1", "5", "auto"]), {
  about:
    "Version of MQTT on this link. With 5 the broker says why it refuses something or ends the " +
    "link, and forgets what has grown old; auto is 5, and 3.1.1 where that is refused.",
  example: "5",
});

/** How a facade enters the broker it writes to: the same words for each. */
import { address, atLeast, mqttVersion, option, secret, text, v } from "../config/index.ts";
import type { Address, MqttVersion, Secret } from "../config/index.ts";

export interface FacadeLinkOptions {
  readonly url: Address;
  readonly username?: string | undefined;
  readonly password?: Secret | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly keepalive: number;
  readonly mqtt: MqttVersion;
}

export const facadeLinkEntries = {
  url: option(address({ mqtt: 1883, mqtts: 8883 }), {
    about: "The broker that it writes to, seldom the hub's.",
    example: "mqtts://scada.example.org:8883",
  }),
  username: v.optional(option(text, { about: "User at that broker.", example: "rackstreet" })),
  password: v.optional(
    option(secret, {
      about: "Its password, from the environment or a file.",
      example: "${FACADE}",
    }),
  ),
  ca: v.optional(
    option(text, { about: "File with the authority that signed the broker's certificate." }),
  ),
  cert: v.optional(
    option(text, { about: "File with a certificate to show there (PEM), where it asks for one." }),
  ),
  key: v.optional(option(text, { about: "File with its private key (PEM)." })),
  keepalive: v.optional(
    option(atLeast("1s"), { about: "Longest silence on the link before a ping.", example: "30s" }),
    "30s",
  ),
  mqtt: v.optional(mqttVersion, "auto"),
};

/** What a LoRaWAN device may be given in the configuration, beside the keys of every device. */
import type { Address, Schema, Secret } from "../../config/index.ts";
import { address, duration, option, secret, text, v } from "../../config/index.ts";

export const networks = ["auto", "chirpstack", "thethings"] as const;

/** A level of a topic, so that nobody hears more than the device's own. */
const level = v.pipe(
  text,
  v.maxLength(128, "at most 128 characters"),
  v.regex(/^[^+#/]+$/, "must not hold +, # or /"),
);

export const lorawanOptions = {
  server: option(address({ mqtt: 1883, mqtts: 8883 }), {
    about: "MQTT server of the LoRaWAN network server.",
    example: "mqtts://eu1.cloud.thethings.network:8883",
  }),
  eui: option(
    v.pipe(
      v.string("write the DevEUI in quotes: 16 hexadecimal digits"),
      v.transform((text) => text.replaceAll(/[:-]/g, "").toLowerCase()),
      v.regex(/^[0-9a-f]{16}$/, "write the DevEUI: 16 hexadecimal digits"),
    ),
    { about: "The device's DevEUI, as on its label.", example: "24e124136b000001" },
  ),
  network: v.optional(
    option(v.picklist(networks), {
      about: "ChirpStack v4 or The Things Stack v3; auto hears both and tells them apart.",
      example: "chirpstack",
    }),
    "auto",
  ),
  application: v.optional(
    option(level, {
      about: "ChirpStack: the application's id; The Things Stack: application@tenant.",
      example: "street-sensors@ttn",
    }),
  ),
  device: v.optional(
    option(level, {
      about:
        "The Things Stack: the device's id there; without it all of the application are heard.",
      example: "eui-24e124136b000001",
    }),
  ),
  user: v.optional(
    option(text, { about: "User name at the MQTT server.", example: "street-sensors@ttn" }),
  ),
  password: v.optional(
    option(secret, { about: "Its password or API key.", example: "${TTN_KEY}" }),
  ),
  ca: v.optional(
    option(text, {
      about: "File with the certificates to trust, when the server's is not public.",
      example: "/etc/rackstreet/chirpstack-ca.pem",
    }),
  ),
  silence: v.optional(
    option(duration, {
      about: "A device that says nothing for so long is lost; never when left out.",
      example: "3h",
    }),
  ),
};

export interface LorawanOptions {
  readonly server: Address;
  readonly eui: string;
  readonly network: (typeof networks)[number];
  readonly application?: string | undefined;
  readonly device?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: Secret | undefined;
  readonly ca?: string | undefined;
  /** @unit ms */
  readonly silence?: number | undefined;
}

export const lorawanOptionsSchema: Schema<LorawanOptions> = v.object(lorawanOptions);

/**
 * The topics of one device, by network: each list is granted or refused as a whole. What a server
 * would never say is not asked for: an id of ChirpStack has no `@`, one of The Things Stack no form
 * of a UUID.
 */
export function filtersOf(options: LorawanOptions): readonly (readonly string[])[] {
  const { application, device, eui, network, user } = options;
  const lists: string[][] = [];
  const stack = application ?? (user?.includes("@") === true ? user : undefined) ?? "+";
  const isUuid = application !== undefined && /^[0-9a-f-]{36}$/i.test(application);
  if (network === "chirpstack" || (network === "auto" && !stack.includes("@"))) {
    const root = `application/${application ?? "+"}/device/${eui}/event`;
    lists.push([`${root}/up`, `${root}/join`, `${root}/status`]);
  }
  if (network === "thethings" || (network === "auto" && !isUuid)) {
    const root = `v3/${stack}/devices/${device ?? "+"}`;
    lists.push([`${root}/up`, `${root}/join`]);
  }
  return lists;
}

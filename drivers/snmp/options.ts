/** What an SNMP device may be given in the configuration, beside the keys of every device. */
import type { Address, Schema, Secret } from "../../config/index.ts";
import { address, duration, option, secret, text, v, whole } from "../../config/index.ts";

const versions = ["v1", "v2c", "v3"] as const;
const authentications = ["md5", "sha", "sha224", "sha256", "sha384", "sha512"] as const;
/** `aes` is AES-128; of AES-256, `b` extends keys as Blumenthal wrote it, `r` as Reeder did. */
const encryptions = ["des", "aes", "aes256b", "aes256r"] as const;

export const snmpOptions = {
  address: option(address({ udp: 161 }), {
    about: "Where the SNMP agent of the device listens.",
    example: "udp://10.0.0.8",
  }),
  version: v.optional(
    option(v.picklist(versions), { about: "Version of SNMP that it speaks.", example: "v3" }),
    "v2c",
  ),
  community: v.optional(
    option(secret, {
      about: "Community of v1 and v2c; public when left out.",
      example: "${SNMP_COMMUNITY}",
    }),
  ),
  user: v.optional(option(text, { about: "User name of v3.", example: "monitor" })),
  authProtocol: v.optional(
    option(v.picklist(authentications), {
      about: "How v3 authenticates; with authPassword, sha256 when left out.",
      example: "sha256",
    }),
    "sha256",
  ),
  authPassword: v.optional(
    option(secret, {
      about: "Authentication passphrase of v3; without it nothing is authenticated.",
      example: "${SNMP_AUTH}",
    }),
  ),
  privProtocol: v.optional(
    option(v.picklist(encryptions), {
      about: "How v3 encrypts; aes256b and aes256r differ in how long keys are made.",
      example: "aes",
    }),
    "aes",
  ),
  privPassword: v.optional(
    option(secret, {
      about: "Encryption passphrase of v3; without it nothing is encrypted.",
      example: "${SNMP_PRIV}",
    }),
  ),
  context: v.optional(option(text, { about: "Context name of v3.", example: "unit-2" })),
  timeout: v.optional(
    option(duration, { about: "How long the agent may take to answer.", example: "2s" }),
    "2s",
  ),
  retries: v.optional(
    option(whole(0, 5), { about: "How often a request is sent again.", example: 1 }),
    1,
  ),
  traps: v.optional(
    option(address({ udp: 162 }), {
      about: "Where traps and informs come in; devices with the same address share it.",
      example: "udp://0.0.0.0:162",
    }),
  ),
};

export interface SnmpOptions {
  readonly address: Address;
  readonly version: (typeof versions)[number];
  readonly community?: Secret | undefined;
  readonly user?: string | undefined;
  readonly authProtocol: (typeof authentications)[number];
  readonly authPassword?: Secret | undefined;
  readonly privProtocol: (typeof encryptions)[number];
  readonly privPassword?: Secret | undefined;
  readonly context?: string | undefined;
  /** @unit ms */
  readonly timeout: number;
  readonly retries: number;
  readonly traps?: Address | undefined;
}

export const snmpOptionsSchema: Schema<SnmpOptions> = v.pipe(
  v.object(snmpOptions),
  v.check(
    ({ version, user }) => (version === "v3") === (user !== undefined),
    "`user` goes with `version: v3`, and v3 needs one",
  ),
  v.check(
    ({ version, authPassword }) => version === "v3" || authPassword === undefined,
    "`authPassword` goes with `version: v3`",
  ),
  v.check(
    ({ authPassword, privPassword }) => privPassword === undefined || authPassword !== undefined,
    "`privPassword` needs `authPassword`: nothing is encrypted that is not authenticated",
  ),
);

/** What a server read by IPMI may be given in the configuration. */
import type { Schema, Secret } from "../../config/index.ts";
import { atLeast, duration, option, secret, text, v, whole } from "../../config/index.ts";

export const partNames = ["chassis", "power", "sensors"] as const;
export type PartName = (typeof partNames)[number];

const interfaces = ["open", "lan", "lanplus"] as const;
const tools = ["ipmitool", "freeipmi"] as const;
const privileges = ["user", "operator", "administrator"] as const;

/** What begins with a hyphen would be taken for an option of the tool. */
const host = v.pipe(
  v.string(),
  v.maxLength(253, "at most 253 characters"),
  v.regex(/^[0-9A-Za-z][0-9A-Za-z.:_-]*$/, "write a host name or an IP address"),
);

const workaround = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9_]+(,[a-z0-9_]+)*$/, "write names as the tool's manual has them: a,b"),
);

/** Names of sensors; `*` stands for any characters. */
const sensorNames = v.pipe(v.array(text), v.maxLength(512, "at most 512 names"));

export const ipmiOptions = {
  host: v.optional(
    option(host, {
      about: "Name or address of the management controller; without it, that of this machine.",
      example: "10.0.0.20",
    }),
  ),
  port: v.optional(option(whole(1, 65_535), { about: "Its UDP port.", example: 623 }), 623),
  interface: v.optional(
    option(v.picklist(interfaces), {
      about: "open: the driver of this machine's kernel; lanplus: IPMI 2.0; lan: IPMI 1.5.",
      example: "lanplus",
    }),
  ),
  user: v.optional(
    option(v.pipe(text, v.maxLength(16, "at most 16 characters"), v.regex(/^[^-\s]\S*$/)), {
      about: "User name there; the privilege `user` is enough.",
      example: "monitor",
    }),
  ),
  password: v.optional(
    option(secret, { about: "Its password, at most 20 characters.", example: "${BMC_PASSWORD}" }),
  ),
  kg: v.optional(
    option(secret, {
      about: "Key of the controller (K_g), as text or as 0x and hexadecimal digits.",
      example: "${BMC_KG}",
    }),
  ),
  cipher: v.optional(
    option(whole(0, 17), {
      about: "Cipher suite; without it the tool chooses. 17 is the best, 3 the one all have.",
      example: 17,
    }),
  ),
  privilege: v.optional(
    option(v.picklist(privileges), {
      about: "Privilege asked for; reading needs no more than user.",
      example: "user",
    }),
    "user",
  ),
  workaround: v.optional(
    option(workaround, {
      about: "Of the tool, for a controller with faults: -o of ipmitool, -W of freeipmi.",
      example: "opensesspriv",
    }),
  ),
  tool: v.optional(
    option(v.picklist(tools), {
      about: "The program that asks: ipmitool, or ipmi-sensors and its kin of freeipmi.",
      example: "ipmitool",
    }),
    "ipmitool",
  ),
  folder: v.optional(
    option(text, { about: "Folder with the programs, if not in PATH.", example: "/opt/bin" }),
  ),
  parts: v.optional(
    option(v.pipe(v.array(v.picklist(partNames)), v.minLength(1)), {
      about: "What to read: chassis (on or off, faults), power (DCMI), sensors.",
    }),
    [...partNames],
  ),
  sensorsEvery: v.optional(
    option(atLeast("1s"), {
      about: "The sensors at most this often, as each costs a question; else at the interval.",
      example: "60s",
    }),
  ),
  only: v.optional(
    option(sensorNames, { about: "Only these sensors; `*` stands for any characters." }),
  ),
  skip: v.optional(
    option(sensorNames, { about: "Without these sensors; `*` stands for any characters." }),
    [],
  ),
  rename: v.optional(
    option(v.record(text, v.pipe(v.string(), v.regex(/^[a-z0-9_-]{1,64}$/))), {
      about: "Sensor as the controller calls it, and the tag it gets instead of its own.",
    }),
    {},
  ),
  resend: v.optional(
    option(atLeast("1s"), {
      about: "A question over the network is sent again after this time, in whole seconds.",
      example: "1s",
    }),
    "1s",
  ),
  retries: v.optional(option(whole(1, 10), { about: "How often at most.", example: 3 }), 3),
  timeout: v.optional(
    option(duration, {
      about: "Longest run of a program; six times as long for the list of sensors.",
      example: "30s",
    }),
    "30s",
  ),
  refresh: v.optional(
    option(atLeast("1m"), {
      about: "The list of sensors is asked for again after this time; it takes long.",
      example: "12h",
    }),
    "12h",
  ),
};

export interface IpmiOptions {
  readonly host?: string | undefined;
  readonly port: number;
  readonly interface?: (typeof interfaces)[number] | undefined;
  readonly user?: string | undefined;
  readonly password?: Secret | undefined;
  readonly kg?: Secret | undefined;
  readonly cipher?: number | undefined;
  readonly privilege: (typeof privileges)[number];
  readonly workaround?: string | undefined;
  readonly tool: (typeof tools)[number];
  readonly folder?: string | undefined;
  readonly parts: readonly PartName[];
  /** @unit ms */
  readonly sensorsEvery?: number | undefined;
  readonly only?: readonly string[] | undefined;
  readonly skip: readonly string[];
  readonly rename: Readonly<Record<string, string>>;
  /** @unit ms */
  readonly resend: number;
  readonly retries: number;
  /** @unit ms */
  readonly timeout: number;
  /** @unit ms */
  readonly refresh: number;
}

/** How the controller is reached, once both options that say it are there. */
export function interfaceOf(options: IpmiOptions): (typeof interfaces)[number] {
  return options.interface ?? (options.host === undefined ? "open" : "lanplus");
}

function problemOf(options: IpmiOptions): string | undefined {
  const network = interfaceOf(options) !== "open";
  if (network && options.host === undefined) return "give `host`, or `interface: open`";
  if (!network && options.host !== undefined)
    return "`interface: open` is this machine's: no `host`";
  if (network && options.user === undefined) return "give `user` and `password`";
  return undefined;
}

export const ipmiOptionsSchema: Schema<IpmiOptions> = v.pipe(
  v.object(ipmiOptions),
  v.rawCheck(({ dataset, addIssue }) => {
    const problem = dataset.typed ? problemOf(dataset.value) : undefined;
    if (problem !== undefined) addIssue({ message: problem });
  }),
);

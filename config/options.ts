/**
 * The toolkit of options: every room describes its own with these, and types, validation with
 * file:line, JSON Schema, reference page, `config explain` and the redaction list all come from
 * that one value. The only door to valibot.
 */
import { inspect } from "node:util";
import { readFileSync } from "node:fs";
import * as v from "valibot";
import type { Location } from "../telemetry/index.ts";
import { GatewayError, levelPattern } from "../telemetry/index.ts";

export { v };
export type Schema<Out = unknown> = v.GenericSchema<unknown, Out>;

export interface OptionNotes {
  /** One sentence: meaning and, where there is one, unit. */
  readonly about: string;
  /** A value that works, as it would stand in the file. */
  readonly example?: string | number | boolean;
}

/** A schema with the sentence and example that docs, editors and `explain` show. */
export function option<Out>(schema: Schema<Out>, notes: OptionNotes): Schema<Out> {
  const described = v.pipe(schema, v.description(notes.about));
  if (notes.example === undefined) return described;
  return v.pipe(described, v.metadata({ example: notes.example }));
}

const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const sizeUnits = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

function quantity(unitTable: Readonly<Record<string, number>>, what: string): Schema<number> {
  const names = Object.keys(unitTable);
  const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?)(${names.join("|")})$`);
  return v.pipe(
    v.string(`write a ${what} with its unit (${names.join(", ")})`),
    v.regex(pattern, (issue) => `"${issue.input}" is not a ${what}; units: ${names.join(", ")}`),
    v.transform((text) => {
      const [, number = "", unit = ""] = pattern.exec(text) ?? [];
      // Whole, so that 1.1s is not 1100.0000000000002 ms.
      return Math.round(Number(number) * (unitTable[unit] ?? Number.NaN));
    }),
    v.safeInteger(`is too large for a ${what}`),
  );
}

/** `500ms`, `5s`, `10m`, `2h`, `30d`. @unit ms */
export const duration: Schema<number> = quantity(durationUnits, "duration");

/** A duration that is no shorter than `least`, given as it would stand in the file. */
export function atLeast(least: string): Schema<number> {
  return v.pipe(duration, v.minValue(v.parse(duration, least), `must be at least ${least}`));
}

/** How often something is done. Faster than any bus would only keep the processor busy. @unit ms */
export const interval: Schema<number> = atLeast("10ms");

/** `512B`, `64KiB`, `8MiB`, `2GiB`. @unit bytes */
export const size: Schema<number> = quantity(sizeUnits, "size");

/** A topic level: region, org, site, device ids and the like. */
export const levelName: v.GenericSchema<string> = v.pipe(
  v.string(),
  v.regex(levelPattern, "use 1 to 64 of a-z, 0-9, _ and -"),
);

export const text: v.GenericSchema<string> = v.pipe(
  v.string(),
  v.minLength(1, "must not be empty"),
);

/** A zone, room or rack: the value of a tag. */
export const placeText: v.GenericSchema<string> = v.pipe(
  text,
  v.maxLength(64, "at most 64 characters"),
);

function degrees(most: number, what: string, example: number): Schema<number> {
  const sentence = `must be degrees from -${most} to ${most}`;
  return option(
    v.pipe(v.number(sentence), v.minValue(-most, sentence), v.maxValue(most, sentence)),
    {
      about: `${what}, in degrees of WGS 84.`,
      example,
    },
  );
}

/** A place on Earth. @unit degrees */
export const location: Schema<Location> = v.strictObject({
  latitude: degrees(90, "North of the equator", 48.1374),
  longitude: degrees(180, "East of Greenwich", 11.5755),
});

/** A whole number between two bounds, both included. */
export function whole(lowest: number, highest: number): Schema<number> {
  const sentence = `must be a whole number from ${lowest} to ${highest}`;
  return v.pipe(
    v.number(sentence),
    v.integer(sentence),
    v.minValue(lowest, sentence),
    v.maxValue(highest, sentence),
  );
}

export interface Address {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
}

/** `scheme://host:port`; the port may be left out where the scheme has a usual one. */
export function address(ports: Readonly<Record<string, number>>): Schema<Address> {
  const schemes = Object.keys(ports);
  const sentence = `write ${schemes.map((scheme) => `${scheme}://HOST:PORT`).join(" or ")}`;
  return v.pipe(
    v.string(sentence),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const parsed = parseAddress(dataset.value, ports);
      if (parsed !== undefined) return parsed;
      addIssue({ message: sentence });
      return NEVER;
    }),
  );
}

/** `scheme://host:port` of an address, as a person writes it: an IPv6 host stands in brackets. */
export function addressText({ scheme, host, port }: Address): string {
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function isPlainUrl(input: string): boolean {
  if (!URL.canParse(input)) return false;
  const url = new URL(input);
  const named = url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "";
  return !named && (url.protocol === "http:" || url.protocol === "https:");
}

/** `http://HOST:PORT/PATH` without name, password and query. */
export const httpUrl: Schema<string> = v.pipe(
  v.string(),
  v.check(isPlainUrl, "write http://HOST:8086; name and password have options of their own"),
);

/** True for a host that only programs on this machine reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Where in an object an issue of `v.rawCheck` stands: at the value, or at the key itself, that
 * `keys` lead to.
 */
export function pathTo(
  input: object,
  [key, ...below]: readonly [string, ...string[]],
  origin: "key" | "value" = "value",
): [v.IssuePathItem, ...v.IssuePathItem[]] {
  const step = (key: string): v.IssuePathItem => {
    return { type: "unknown", origin, input, key, value: undefined };
  };
  return [step(key), ...below.map(step)];
}

function parseAddress(input: string, ports: Readonly<Record<string, number>>): Address | undefined {
  const match = /^([a-z+]+):\/\/(\[[0-9a-f:.]+\]|[^\s/:[\]]+)(?::(\d{1,5}))?\/?$/i.exec(input);
  const [, scheme = "", host = "", portText] = match ?? [];
  const usual = Object.hasOwn(ports, scheme) ? ports[scheme] : undefined;
  if (usual === undefined) return undefined;
  const port = portText === undefined ? usual : Number(portText);
  if (port > 65_535) return undefined;
  return { scheme, host: host.replace(/^\[|\]$/g, ""), port };
}

/** A value that prints as `[redacted]` wherever it turns up. */
export class Secret {
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  /**
   * The secret itself: a `${NAME}` of the environment, the first line of `file:PATH`, or the text.
   * @throws E_SECRET_MISSING
   */
  reveal(): string {
    const variable = /^\$\{(\w+)\}$/.exec(this.#source)?.[1];
    if (variable !== undefined) {
      const value = process.env[variable];
      if (value !== undefined && value !== "") return value;
      throw new GatewayError("E_SECRET_MISSING", `environment variable ${variable} is not set`);
    }
    if (!this.#source.startsWith("file:")) return this.#source;
    const path = this.#source.slice("file:".length);
    const [line = ""] = readText(path).split(/\r?\n/, 1);
    if (line !== "") return line;
    throw new GatewayError("E_SECRET_MISSING", `the first line of secret file ${path} is empty`);
  }

  toString(): string {
    return "[redacted]";
  }

  toJSON(): string {
    return "[redacted]";
  }

  [inspect.custom](): string {
    return "[redacted]";
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new GatewayError("E_SECRET_MISSING", `secret file ${path} cannot be read`, { cause });
  }
}

/** A password or token: `${ENV_NAME}`, `file:/path`, or (for trying out) the text itself. */
export const secret: Schema<Secret> = v.pipe(
  v.string("must be ${NAME}, file:/path, or a text in quotes"),
  v.minLength(1, "must not be empty"),
  v.metadata({ secret: true }),
  v.transform((source) => new Secret(source)),
);

/** A certificate to show is of no use without its private key, and the other way round. */
export function certWithKey<
  Link extends { readonly cert?: string | undefined; readonly key?: string | undefined },
>(): v.CheckAction<Link, string> {
  return v.check(
    ({ cert, key }) => (cert === undefined) === (key === undefined),
    "`cert` and `key` belong together",
  );
}

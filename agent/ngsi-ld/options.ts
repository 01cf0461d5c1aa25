/** The options of the facade for context brokers of NGSI-LD. */
import type { Schema, Secret } from "../../config/index.ts";
import { atLeast, httpUrl, option, secret, text, v, whole } from "../../config/index.ts";

export interface NgsiLdOptions {
  readonly url: string;
  readonly tenant?: string | undefined;
  readonly token?: Secret | undefined;
  readonly headers: Readonly<Record<string, Secret>>;
  readonly ca?: string | undefined;
  readonly context?: string | undefined;
  readonly every: number;
  readonly batch: number;
  readonly timeout: number;
}

/** A name of HTTP (RFC 9110 §5.6.2) that is not one of those we set. */
const headerName = v.pipe(
  v.string(),
  v.regex(/^[!#$%&'*+.^`|~\w-]{1,64}$/, "not the name of a header"),
  v.check(
    (name) => !/^(authorization|content-|host$|link$|ngsild-tenant$|transfer-)/i.test(name),
    "this header is set by the agent itself: see `token`, `tenant` and `context`",
  ),
);

/** A name in the `NGSILD-Tenant` header. */
const tenantName = v.pipe(
  v.string(),
  v.regex(/^[\w.-]{1,256}$/, "use letters, digits, `_`, `-` and `.`"),
);

export const ngsiLdOptions: Schema<NgsiLdOptions> = v.strictObject({
  url: option(httpUrl, {
    about: "The context broker; `/ngsi-ld/v1/…` follows a path that stands here.",
    example: "https://broker.example.org:1026",
  }),
  tenant: v.optional(
    option(tenantName, {
      about: "Tenant at the broker, sent as `NGSILD-Tenant`.",
      example: "city",
    }),
  ),
  token: v.optional(
    option(secret, {
      about: "Bearer token, from the environment or a file.",
      example: "${BROKER}",
    }),
  ),
  headers: v.optional(
    option(
      v.pipe(
        v.record(headerName, option(secret, { about: "What it says.", example: "${PEP_TOKEN}" })),
        v.check((headers) => Object.keys(headers).length <= 16, "at most 16"),
      ),
      { about: "Further headers, such as `X-Auth-Token` of a proxy before the broker." },
    ),
    {},
  ),
  ca: v.optional(
    option(text, {
      about: "File with the authority that signed the broker's certificate.",
      example: "/etc/rackstreet/broker-ca.pem",
    }),
  ),
  context: v.optional(
    option(httpUrl, {
      about:
        "JSON-LD context that the broker can fetch, for short names; left out: names are IRIs, " +
        "which need none.",
      example: "https://contexts.example.org/city.jsonld",
    }),
  ),
  every: v.optional(
    option(atLeast("100ms"), {
      about: "Rest between two rounds of news; of each device the newest is told.",
      example: "10s",
    }),
    "5s",
  ),
  batch: v.optional(option(whole(1, 1000), { about: "Entities in one request at most." }), 100),
  timeout: v.optional(
    option(atLeast("1s"), { about: "Longest wait for one answer.", example: "30s" }),
    "30s",
  ),
});

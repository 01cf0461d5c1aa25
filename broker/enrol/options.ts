/** How agents get certificates of the hub's own authority; off where it is left out. */
import type { Schema } from "../../config/index.ts";
import { atLeast, option, text, v } from "../../config/index.ts";

export interface EnrolOptions {
  /** Names and IPv4 addresses that agents call this hub by. */
  readonly names: readonly string[];
  /** An authority that is there already; left out: the hub makes one. */
  readonly ca?: { readonly cert: string; readonly key: string } | undefined;
  /** How long the certificate of an agent holds. @unit ms */
  readonly valid: number;
  /** File with who signed the hub's own certificate, where that is somebody else. */
  readonly trust?: string | undefined;
}

const hostName: Schema<string> = v.pipe(
  v.string(),
  v.regex(
    /^(?=.{1,253}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/i,
    "write a host name or IPv4 address",
  ),
);

const authority = v.strictObject({
  cert: option(text, {
    about: "File with its certificate (PEM).",
    example: "/etc/rackstreet/ca.pem",
  }),
  key: option(text, {
    about: "File with its private key (PEM).",
    example: "/etc/rackstreet/ca-key.pem",
  }),
});

export const enrolOptions: Schema<EnrolOptions> = v.strictObject({
  names: v.optional(
    option(v.pipe(v.array(hostName), v.maxLength(16)), {
      about:
        "What agents call this hub: names and IPv4 addresses in the certificate that it makes " +
        "for itself where `tls` gives none.",
      example: "hub.example.org",
    }),
    [],
  ),
  ca: v.optional(
    option(authority, {
      about: "The authority that signs certificates of agents; the hub makes one when left out.",
    }),
  ),
  valid: v.optional(
    option(atLeast("1m"), {
      about: "How long the certificate of an agent holds; it is renewed after two thirds of it.",
      example: "90d",
    }),
    "90d",
  ),
  trust: v.optional(
    option(text, {
      about: "File with who signed the hub's own certificate, where `tls.cert` does not say it.",
      example: "/etc/rackstreet/hub-ca.pem",
    }),
  ),
});

/** How a device that is asked over HTTP stands in the configuration. */
import type { Secret } from "../../config/index.ts";
import { duration, httpUrl, option, secret, text, v } from "../../config/index.ts";

/** Entries for the options of a driver; `timeout` and `url` may be replaced by better ones. */
export const httpDeviceOptions = {
  url: option(httpUrl, {
    about: "Where it listens; a path that stands before those of its interface may follow.",
    example: "https://10.0.0.20",
  }),
  user: v.optional(option(text, { about: "User name there.", example: "monitor" })),
  password: v.optional(option(secret, { about: "Its password.", example: "${BMC_PASSWORD}" })),
  token: v.optional(
    option(secret, { about: "Bearer token, instead of user and password.", example: "${TOKEN}" }),
  ),
  ca: v.optional(
    option(text, {
      about: "File with the certificates to trust, when the server's is not public.",
      example: "/etc/rackstreet/bmc-ca.pem",
    }),
  ),
  fingerprint: v.optional(
    option(
      v.pipe(
        v.string("write the SHA-256 of the certificate: 64 hexadecimal digits"),
        v.transform((text) => text.replaceAll(":", "").toLowerCase()),
        v.regex(/^[0-9a-f]{64}$/, "write the SHA-256 of the certificate: 64 hexadecimal digits"),
      ),
      {
        about: "SHA-256 of the only certificate that is trusted, whoever signed it.",
        example: "c0ffee".padEnd(64, "0"),
      },
    ),
  ),
  timeout: v.optional(
    option(duration, { about: "Longest wait for one answer.", example: "30s" }),
    "10s",
  ),
};

/** What `HttpClient` needs to know of a server. */
export interface HttpDeviceOptions {
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: Secret | undefined;
  readonly token?: Secret | undefined;
  readonly ca?: string | undefined;
  readonly fingerprint?: string | undefined;
  /** @unit ms */
  readonly timeout: number;
}

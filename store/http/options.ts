/** Options that every HTTP engine has. */
import type { Secret } from "../../config/index.ts";
import { duration, httpUrl, option, secret, text, v } from "../../config/index.ts";

/** A database, bucket, organisation or retention policy. */
export const storeName = v.pipe(text, v.maxLength(256, "is longer than 256 characters"));

export interface HttpOptions {
  readonly url: string;
  readonly auth?: Secret | undefined;
  readonly gzip: boolean;
  readonly timeout: number;
}

/** The entries that every HTTP engine's options hold. */
export const httpOptions = {
  url: option(httpUrl, {
    about: "Where it listens; a path that stands before those of its interface may follow.",
    example: "http://127.0.0.1:8086",
  }),
  auth: v.optional(
    option(secret, {
      about: "The whole Authorization header, where none of the other ways fits.",
      example: "${STORE_AUTHORIZATION}",
    }),
  ),
  gzip: v.optional(
    option(v.boolean(), {
      about: "Compress what is written; worth it over a slow link, never on one machine.",
      example: true,
    }),
    false,
  ),
  timeout: v.optional(
    option(duration, { about: "Longest wait for one answer.", example: "30s" }),
    "10s",
  ),
};

/** How long points are kept; `store init` sets it. */
export const retentionOptions = {
  retention: v.optional(
    option(duration, {
      about: "How long points are kept; `store init` sets it. Left out: for ever.",
      example: "30d",
    }),
  ),
  rollupRetention: v.optional(
    option(duration, {
      about: "How long roll-ups are kept; `store init` sets it. Left out: for ever.",
      example: "1000d",
    }),
  ),
};

/** Whether what is missing may be made at the first write. */
export const createOption = v.optional(
  option(v.boolean(), { about: "Create it when it is missing.", example: false }),
  true,
);

/** What a Redfish service may be given in the configuration, beside the keys of every device. */
import type { Address, Schema } from "../../config/index.ts";
import { address, atLeast, duration, option, v } from "../../config/index.ts";
import type { HttpDeviceOptions } from "../transport/http-options.ts";
import { httpDeviceOptions } from "../transport/http-options.ts";

const { token: _token, ...reached } = httpDeviceOptions;

/** Where the service sends events: a stream that we open, or calls of its own. */
export type Events = "off" | "stream" | Address;

const events: Schema<Events> = v.union(
  [v.picklist(["off", "stream"]), address({ http: 8214 })],
  "write off, stream or http://HOST:PORT of this machine",
);

export const redfishOptions = {
  ...reached,
  timeout: v.optional(
    option(duration, {
      about: "Longest wait for one answer; management controllers may think for long.",
      example: "60s",
    }),
    "30s",
  ),
  login: v.optional(
    option(v.picklist(["session", "basic"]), {
      about: "session: log in once, log out at the end; basic: the password with each request.",
      example: "basic",
    }),
    "session",
  ),
  rescan: v.optional(
    option(atLeast("1m"), { about: "How often to look for parts that came or went." }),
    "1h",
  ),
  reports: v.optional(
    option(v.boolean(), {
      about: "Take values from metric reports where the service makes them: fewer requests.",
    }),
    true,
  ),
  events: v.optional(
    option(events, {
      about:
        "off; stream: alerts and reports over a stream where the service offers one; or where " +
        "this machine listens for those of a service that offers none.",
      example: "http://10.0.0.5:8214",
    }),
    "off",
  ),
  listen: v.optional(
    option(address({ http: 8214 }), {
      about: "Where to listen, when `events` is an address that a router translates.",
      example: "http://0.0.0.0:8214",
    }),
  ),
};

export interface RedfishOptions extends Omit<HttpDeviceOptions, "token"> {
  readonly login: "session" | "basic";
  /** @unit ms */
  readonly rescan: number;
  readonly reports: boolean;
  readonly events: Events;
  readonly listen?: Address | undefined;
}

const form: Schema<RedfishOptions> = v.object(redfishOptions);

export const redfishOptionsSchema: Schema<RedfishOptions> = v.pipe(
  form,
  v.check(
    ({ user, password }) => (user === undefined) === (password === undefined),
    "user and password belong together",
  ),
  v.check(
    ({ listen, events: wanted }) => listen === undefined || typeof wanted === "object",
    "listen: only with `events: http://HOST:PORT`",
  ),
);

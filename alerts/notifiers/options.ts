/** The options that all notifiers have; each one's own are in its file. */
import { duration, levelName, option, secret, text, v, whole } from "../../config/index.ts";
import { severities } from "../rule.ts";

/** Entries of every notifier. */
export const commonOptions = {
  severity: v.optional(
    option(v.picklist(severities), { about: "Tells alerts of this severity and above." }),
    "info",
  ),
  rules: v.optional(
    option(v.pipe(v.array(levelName), v.minLength(1, "name at least one rule")), {
      about: "Tells alerts of these rules only; of all rules when left out.",
    }),
  ),
  resolved: v.optional(option(v.boolean(), { about: "Tells the ends of alerts, too." }), true),
  burst: v.optional(
    option(whole(1, 1000), { about: "Messages that may go out without a pause.", example: 10 }),
    10,
  ),
  per_minute: v.optional(
    option(whole(1, 1000), {
      about: "Messages a minute in the long run; what is over comes as one summary.",
      example: 10,
    }),
    10,
  ),
  queue: v.optional(
    option(whole(1, 10_000), { about: "Events that may wait; the oldest is given up." }),
    1000,
  ),
  expire: v.optional(
    option(duration, { about: "How old an event may become before it is given up." }),
    "1d",
  ),
  timeout: v.optional(
    option(v.pipe(duration, v.minValue(1, "must be more than 0")), {
      about: "Longest time of one attempt.",
    }),
    "10s",
  ),
};

/** Entries of notifiers that log in over HTTP. */
export const loginOptions = {
  user: v.optional(option(text, { about: "User name there." })),
  password: v.optional(option(secret, { about: "Its password.", example: "${HOOK_PASSWORD}" })),
  token: v.optional(
    option(secret, { about: "Bearer token, instead of user and password.", example: "${TOKEN}" }),
  ),
  ca: v.optional(
    option(text, {
      about: "File with the certificates to trust, when the server's is not public.",
      example: "/etc/rackstreet/ca.pem",
    }),
  ),
};

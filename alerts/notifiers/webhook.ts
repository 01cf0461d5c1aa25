/**
 * Posts each message as JSON to a URL of your own. With a `secret` it is signed: the header
 * `x-rackstreet-signature: t=SECONDS,v1=HEX` holds the HMAC-SHA256 (RFC 2104) over
 * `SECONDS.BODY`, so that the receiver can tell who sent it and refuse what is old.
 */
import { createHmac } from "node:crypto";
import type { Secret } from "../../config/index.ts";
import { option, secret, v } from "../../config/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Message, Notifier, NotifierPlatform } from "./contract.ts";
import { loginHeaders, post } from "./http.ts";
import { jsonOf } from "./json.ts";
import { commonOptions, loginOptions } from "./options.ts";

export const webhookOptions = v.strictObject({
  kind: option(v.literal("webhook"), { about: "Posts JSON to a URL." }),
  ...commonOptions,
  url: option(secret, {
    about: "Where to; kept secret, because such URLs often hold a key.",
    example: "${HOOK_URL}",
  }),
  secret: v.optional(
    option(secret, { about: "Signs each message (HMAC-SHA256).", example: "${HOOK_SECRET}" }),
  ),
  ...loginOptions,
});
type Options = v.InferOutput<typeof webhookOptions>;

export function webhook(options: Options, { clock }: NotifierPlatform): Notifier {
  return {
    atOnce: 1,
    async send(message: Message, signal: AbortSignal): Promise<void> {
      const body = jsonOf(message);
      const seconds = Math.floor(clock.now() / 1000);
      const signed = options.secret;
      const headers = {
        ...loginHeaders(options),
        "x-rackstreet-id": message.id,
        ...(signed === undefined
          ? {}
          : { "x-rackstreet-signature": signature(signed, seconds, body) }),
      };
      await post({ url: urlOf(options.url), headers, body, ca: options.ca }, signal);
    },
  };
}

function signature(key: Secret, seconds: number, body: string): string {
  const code = createHmac("sha256", key.reveal()).update(`${seconds}.${body}`).digest("hex");
  return `t=${seconds},v1=${code}`;
}

/** Its text is never part of a message. @throws E_CONFIG, E_SECRET_MISSING */
function urlOf(hidden: Secret): URL {
  const text = hidden.reveal();
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw new GatewayError("E_CONFIG", "the url of a webhook is no http:// or https:// URL");
}

/**
 * Sends mail (RFC 5321) by a server of your own: STARTTLS (RFC 3207) unless TLS from the start
 * (RFC 8314) is asked for. Without a certificate that is trusted nothing is sent. The only door to
 * nodemailer, whose text form alone is used: no files, no URLs, no HTML.
 */
import { createTransport } from "nodemailer";
import { option, secret, text, v, whole } from "../../config/index.ts";
import { GatewayError, isRecord, messageOf } from "../../telemetry/index.ts";
import type { Message, Notifier } from "./contract.ts";
import { certificatesIn, connectionError } from "./http.ts";
import { commonOptions } from "./options.ts";
import { bodyOf, titleOf } from "./text.ts";

const mailAddress = v.pipe(text, v.regex(/^[^\s@<>]+@[^\s@<>]+$/, "write NAME@HOST"));

export const smtpOptions = v.strictObject({
  kind: option(v.literal("smtp"), { about: "Sends mail." }),
  ...commonOptions,
  host: option(text, { about: "The mail server.", example: "mail.example.org" }),
  port: v.optional(
    option(whole(1, 65_535), { about: "Its port: 587, or 465 with `tls: always`." }),
  ),
  tls: v.optional(
    option(v.picklist(["starttls", "always", "never"]), {
      about: "Encryption: asked for after the greeting, from the start, or none.",
    }),
    "starttls",
  ),
  user: v.optional(option(text, { about: "User name there.", example: "rackstreet" })),
  password: v.optional(option(secret, { about: "Its password.", example: "${MAIL_PASSWORD}" })),
  ca: v.optional(
    option(text, {
      about: "File with the certificates to trust, when the server's is not public.",
      example: "/etc/rackstreet/ca.pem",
    }),
  ),
  from: option(mailAddress, { about: "Who it is from.", example: "rackstreet@example.org" }),
  to: option(v.pipe(v.array(mailAddress), v.minLength(1, "name at least one"), v.maxLength(100)), {
    about: "Who gets it: a list of addresses.",
  }),
});
type Options = v.InferOutput<typeof smtpOptions>;

export function smtp(options: Options): Notifier {
  return { atOnce: 1, send: (message, signal) => mail(options, message, signal) };
}

async function mail(options: Options, message: Message, signal: AbortSignal): Promise<void> {
  const { host, timeout, from, to } = options;
  const transport = createTransport({
    ...connectionOf(options),
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    const { rejected } = await transport.sendMail({
      from,
      to: [...to],
      subject: titleOf(message),
      text: bodyOf(message),
      // The same when it is sent again, so that mailboxes can tell.
      messageId: `<${message.id}@${from.split("@")[1] ?? "rackstreet"}>`,
      date: new Date(message.time),
      headers: { "auto-submitted": "auto-generated" },
      signal,
    });
    // Some have it, so that sending it again would be worse.
    if (rejected.length > 0) throw refusal(host, `refused ${rejected.length} of ${to.length}`);
  } catch (error) {
    throw translated(host, error);
  } finally {
    transport.close();
  }
}

/** @throws E_SECRET_MISSING, E_CONFIG */
function connectionOf({ host, port, tls, user, password, ca }: Options) {
  const always = tls === "always";
  return {
    host,
    port: port ?? (always ? 465 : 587),
    secure: always,
    requireTLS: tls === "starttls",
    ignoreTLS: tls === "never",
    ...(ca === undefined ? {} : { tls: { ca: certificatesIn(ca) } }),
    ...(user === undefined ? {} : { auth: { user, pass: password?.reveal() ?? "" } }),
  };
}

/** Login errors: the server's words may repeat what was sent, so they are not passed on. */
const login: ReadonlySet<unknown> = new Set(["EAUTH", "ENOAUTH"]);

function translated(host: string, cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  if (!isRecord(cause)) return connectionError(host, cause);
  const { code, originalCode, permanent, responseCode } = cause;
  if (login.has(code)) {
    const status = typeof responseCode === "number" ? ` (${responseCode})` : "";
    return new GatewayError("E_LOGIN", `${host} does not let this user in${status}`);
  }
  if (permanent === true) return refusal(host, messageOf(cause));
  if (typeof originalCode === "string") {
    return connectionError(
      host,
      Object.assign(new Error(messageOf(cause)), { code: originalCode }),
    );
  }
  return connectionError(host, cause);
}

function refusal(host: string, why: string): GatewayError {
  return new GatewayError("E_NOTIFY_REFUSED", `${host}: ${why}`);
}

/**
 * The only door to net-snmp, which encodes and decodes SNMP (RFC 3416) and its security models
 * (RFC 1157, 3414, 3826). Its errors are translated here; an error of its v3 security carries the
 * passphrases, so none of those is kept as a cause.
 */
import {
  Authentication,
  AuthProtocols,
  createReceiver,
  createSession,
  createV3Session,
  Encryption,
  isVarbindError,
  PrivProtocols,
  RequestFailedError,
  RequestTimedOutError,
  ResponseInvalidError,
  SecurityLevel,
  Version1,
  Version2c,
} from "net-snmp";
import type { Session, User, Varbind } from "net-snmp";
import { GatewayError, messageOf } from "../../telemetry/index.ts";
import { desDecrypt, desEncrypt } from "./des.ts";
import type { SnmpOptions } from "./options.ts";
import type { Endpoint } from "./socket.ts";
import { AgentSocket, SharedSocket } from "./socket.ts";

export type { Session, Varbind };

// The library's own asks OpenSSL for a cipher that it no longer has.
Encryption.algorithms[PrivProtocols["des"] ?? 0] = {
  encryptPdu: (...[pdu, , password, auth, { engineID }]) =>
    desEncrypt(pdu, Authentication.passwordToKey(auth, password, engineID)),
  decryptPdu: (...[pdu, , salt, password, auth, { engineID }]) =>
    desDecrypt(pdu, Authentication.passwordToKey(auth, password, engineID), salt),
};

/** Who asks: a community, or a user with his keys. */
export type Login =
  | { readonly version: "v1" | "v2c"; readonly community: string }
  | { readonly version: "v3"; readonly user: User; readonly context: string };

/** Shorter ones are not allowed, and the library would not say so. [RFC 3414 11.2] */
const shortestPassphrase = 8;

/**
 * The secrets of a device, revealed.
 * @throws E_SECRET_MISSING, E_CONFIG
 */
export function loginOf(options: SnmpOptions): Login {
  const { version } = options;
  if (version !== "v3") return { version, community: options.community?.reveal() ?? "public" };
  const authKey = options.authPassword?.reveal();
  const privKey = options.privPassword?.reveal();
  for (const [name, key] of Object.entries({ authPassword: authKey, privPassword: privKey })) {
    if (key === undefined || key.length >= shortestPassphrase) continue;
    throw new GatewayError("E_CONFIG", `${name} needs at least ${shortestPassphrase} characters`);
  }
  const level = privKey !== undefined ? "authPriv" : authKey !== undefined ? "authNoPriv" : "";
  const user = {
    name: options.user ?? "",
    level: SecurityLevel[level || "noAuthNoPriv"] ?? 1,
    ...(authKey === undefined
      ? {}
      : { authProtocol: AuthProtocols[options.authProtocol] ?? 0, authKey }),
    ...(privKey === undefined
      ? {}
      : { privProtocol: PrivProtocols[options.privProtocol] ?? 0, privKey }),
  };
  return { version, user, context: options.context ?? "" };
}

export interface Reach {
  /** For messages: the device and its address. */
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly login: Login;
  /** @unit ms */
  readonly timeout: number;
  readonly retries: number;
}

/** A session of the library with one agent; it makes no contact before the first request. */
export function openSession({ endpoint, login, timeout, retries }: Reach): Session {
  const { host, port } = endpoint;
  const dgramModule = { createSocket: () => new AgentSocket(endpoint) };
  const common = { port, timeout, retries, dgramModule };
  const session =
    login.version === "v3"
      ? createV3Session(host, login.user, { ...common, context: login.context })
      : createSession(host, login.community, { ...common, version: versionOf(login.version) });
  // Garbage from the agent's address; the request it was no answer to goes on waiting.
  session.on("error", () => undefined);
  return session;
}

function versionOf(version: "v1" | "v2c"): number {
  return version === "v1" ? Version1 : Version2c;
}

/** Names with no value behind: noSuchObject, noSuchInstance, endOfMibView. [RFC 3416 3] */
export function isMissing(varbind: Varbind): boolean {
  return isVarbindError(varbind);
}

export const statuses = { tooBig: 1, noSuchName: 2, noAccess: 6, authorization: 16 } as const;

/** What an agent answers that refuses a request as a whole. [RFC 3416 3] */
export interface Refusal {
  readonly status: number;
  /** The name it stumbled over, where it says so. */
  readonly oid: string | undefined;
  readonly message: string;
}

/** The refusal in an error of the library; undefined: it is of another kind. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof RequestFailedError)) return undefined;
  const { status, message } = error;
  const oid = /: ([\d.]+)$/.exec(message)?.[1];
  return { status, oid, message };
}

/** Errors that mean "synchronise again" rather than "wrong passphrase". [RFC 3414 3.2] */
const outOfStep = /time window|engine/i;

/** Whether a fresh discovery of the agent's engine may mend it. */
export function isOutOfStep(error: unknown): boolean {
  return error instanceof ResponseInvalidError && outOfStep.test(error.message);
}

const securityCodes: ReadonlySet<number> = new Set([4, 5]);

/** An error of the library as one of ours. */
export function translated(error: unknown, { name, login, timeout }: Reach): GatewayError {
  if (error instanceof RequestTimedOutError) {
    const secret = login.version === "v3" ? "encryption passphrase" : "community";
    const hint = `a wrong ${secret} is not answered either`;
    const message = `${name}: no answer within ${timeout} ms; ${hint}`;
    return new GatewayError("E_DEVICE_TIMEOUT", message);
  }
  if (error instanceof ResponseInvalidError) {
    if (isOutOfStep(error)) {
      return new GatewayError("E_DEVICE_FRAME", `${name}: its engine is out of step with us`);
    }
    // The library's own message may show digests.
    const [reason = ""] = error.message.split(/ digest | PDU: /, 1);
    const code = securityCodes.has(error.code) ? "E_LOGIN" : "E_DEVICE_FRAME";
    return new GatewayError(code, `${name}: ${reason}`);
  }
  const refused = refusalOf(error);
  if (refused !== undefined) {
    const { status, message } = refused;
    const login = status === statuses.noAccess || status === statuses.authorization;
    return new GatewayError(login ? "E_LOGIN" : "E_DEVICE_REFUSED", `${name}: ${message}`);
  }
  return new GatewayError("E_CONNECT", `${name}: ${messageOf(error)}`);
}

/** Keys made of passphrases, of all users and engines; each costs some milliseconds. */
const mostKeys = 4096;

export interface TrapReceiver {
  readonly socket: SharedSocket;
  close(): void;
}

export interface TrapReceiverSpec {
  readonly login: Login;
  /** Hexadecimal; informs of v3 are made for it. [RFC 3411 5] */
  readonly engine: string;
  readonly reply: (bytes: Uint8Array, to: Endpoint) => void;
  readonly heard: (notification: unknown) => void;
  /** A datagram that is none of this login's: wrong secret, garbage. */
  readonly refused: (reason: string) => void;
}

/** Understands the traps and informs of one login, and answers the informs. */
export function receiverOf(spec: TrapReceiverSpec): TrapReceiver {
  const { login, engine, heard, refused } = spec;
  const socket = new SharedSocket(spec.reply);
  const receiver = createReceiver(
    {
      port: 1,
      engineID: engine,
      includeAuthentication: true,
      dgramModule: { createSocket: () => socket },
    },
    (error, notification) => {
      // A stranger may bring a new engine with each datagram.
      const keys = Authentication.authToKeyCache;
      if (Object.keys(keys).length > mostKeys) Authentication.authToKeyCache = {};
      if (error === null || error === undefined) heard(notification);
      else refused(error instanceof ResponseInvalidError ? "wrong passphrase" : "not its secret");
    },
  );
  const authorizer = receiver.getAuthorizer();
  if (login.version === "v3") authorizer.addUser(login.user);
  else authorizer.addCommunity(login.community);
  return { socket, close: () => receiver.close() };
}

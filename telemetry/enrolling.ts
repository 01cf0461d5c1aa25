/**
 * What agent and hub say to each other when an agent gets its certificate
 * (docs/securing-the-hub.md, "Enrolment"): the token that an operator hands over, and two messages
 * on the agent's own topics.
 *
 *   …/agent/<agent>/enroll         {"v":1,"csr":"-----BEGIN CERTIFICATE REQUEST…"}
 *   …/agent/<agent>/certificate    {"v":1,"key":"…","certificate":"-----BEGIN…","ca":"-----BEGIN…"}
 *                                  {"v":1,"key":"…","refused":"…","remedy":"…"}
 *
 * Decoding is total: any text gives a value or undefined.
 */
import { levelPattern } from "./topics.ts";
import { isRecord } from "./unknown.ts";

/** A one-time token. */
export interface EnrolmentToken {
  readonly id: string;
  readonly secret: string;
  readonly agent: string;
  /** `region/org/site`. */
  readonly site: string;
  /** SHA-256 of the hub's TLS certificate, in hexadecimal digits. */
  readonly hub: string;
}

/** Told from other secrets by its beginning, by people and by scanners. */
const tokenStart = "rackstreet-enroll-";
/** @unit characters */
const longestToken = 2000;

const tokenForm = {
  id: /^[0-9a-f]{16}$/,
  secret: /^[0-9a-f]{32}$/,
  agent: levelPattern,
  site: /^[a-z0-9_-]{1,64}(\/[a-z0-9_-]{1,64}){2}$/,
  hub: /^[0-9a-f]{64}$/,
} as const;

export function encodeToken({ id, secret, agent, site, hub }: EnrolmentToken): string {
  const text = [id, secret, agent, site, hub].join(" ");
  return tokenStart + Buffer.from(text).toString("base64url");
}

export function decodeToken(text: string): EnrolmentToken | undefined {
  if (!text.startsWith(tokenStart) || text.length > longestToken) return undefined;
  const plain = Buffer.from(text.slice(tokenStart.length), "base64url").toString();
  const [id = "", secret = "", agent = "", site = "", hub = "", ...rest] = plain.split(" ");
  const token = { id, secret, agent, site, hub };
  const holds =
    tokenForm.id.test(id) &&
    tokenForm.secret.test(secret) &&
    tokenForm.agent.test(agent) &&
    tokenForm.site.test(site) &&
    tokenForm.hub.test(hub);
  return holds && rest.length === 0 ? token : undefined;
}

/** User name at the broker of who comes with a token; its password is the token's secret. */
export function enrollingUser(id: string): string {
  return `enroll/${id}`;
}

export function encodeEnrol(csr: string): string {
  return JSON.stringify({ v: 1, csr });
}

/** The request in PEM. */
export function decodeEnrol(payload: Uint8Array): string | undefined {
  const message = messageIn(payload);
  return typeof message?.["csr"] === "string" ? message["csr"] : undefined;
}

export type Certified =
  | {
      /** SHA-256 of the public key it is for, in hexadecimal digits. */
      readonly key: string;
      /** PEM. */
      readonly certificate: string;
      /** Who signs the hub's own certificate: PEM, one or several. */
      readonly ca: string;
    }
  | { readonly key: string; readonly refused: string; readonly remedy: string };

export function encodeCertified(answer: Certified): string {
  return JSON.stringify({ v: 1, ...answer });
}

export function decodeCertified(payload: Uint8Array): Certified | undefined {
  const { key, certificate, ca, refused, remedy } = messageIn(payload) ?? {};
  if (typeof key !== "string") return undefined;
  if (typeof certificate === "string" && typeof ca === "string") return { key, certificate, ca };
  if (typeof refused !== "string") return undefined;
  return { key, refused, remedy: typeof remedy === "string" ? remedy : "" };
}

/** Longest message that is looked at: a certificate and some authorities. @unit bytes */
const longest = 65_536;

function messageIn(payload: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  if (payload.length > longest) return undefined;
  try {
    const message: unknown = JSON.parse(Buffer.from(payload).toString());
    return isRecord(message) && message["v"] === 1 ? message : undefined;
  } catch {
    return undefined;
  }
}

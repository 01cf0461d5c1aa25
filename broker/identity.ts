/**
 * Who a client is: the agent or user of its certificate, the bearer of a one-time token, or user
 * name and password against the configured users, in constant time, the same work and answer for an
 * unknown user as for a wrong password. Who guesses is throttled (`throttle.ts`).
 *
 * Passwords given in clear are long random strings, held as SHA-256: a slow hash would add nothing
 * to 128 bits of entropy. Those that people choose are given by their slow hash (`passwords.ts`).
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock, Entropy } from "../telemetry/index.ts";
import { assertNever, GatewayError } from "../telemetry/index.ts";
import type { Grant } from "./access.ts";
import type { EnrolledBy, Enrolment } from "./enrol/enrolment.ts";
import type { User } from "./options.ts";
import type { PasswordHash } from "./passwords.ts";
import { nobodysHash, PasswordChecks, secretBytes } from "./passwords.ts";
import { Throttle } from "./throttle.ts";

/**
 * `busy`: too many passwords wait to be checked. `certificate`: there is none, or nobody's.
 * `revoked`: it was withdrawn, or a newer one took its place.
 */
export type LoginRefusal = "credentials" | "throttled" | "busy" | "certificate" | "revoked";

export type Login =
  | {
      readonly user: string;
      readonly grant: Grant;
      readonly org?: string | undefined;
      readonly enrolled?: EnrolledBy;
    }
  | { readonly refused: LoginRefusal };

export interface LoginAttempt {
  readonly user: string | undefined;
  readonly password: Uint8Array | undefined;
  /** IP address of the other side. */
  readonly remote: string;
  /** Common name of its certificate, if that holds. */
  readonly certificate?: string | undefined;
  /** Fingerprint of its certificate, if it is one of an enrolled agent. */
  readonly enrolled?: string | undefined;
  /** It came over TLS without a certificate. */
  readonly bare?: boolean | undefined;
}

export type Identify = (attempt: LoginAttempt) => Promise<Login>;

interface Known {
  readonly name: string;
  readonly secret: Proof;
  readonly grant: Grant;
  /** `region/org`. */
  readonly org: string | undefined;
}

/** What a password is held against. */
type Proof = { readonly digest: Buffer } | { readonly hash: PasswordHash };

export interface IdentityParts {
  readonly clock: Pick<Clock, "monotonic">;
  readonly entropy: Entropy;
  /** Where agents get their certificates from this hub. */
  readonly enrolment?: Enrolment | undefined;
  /** Whether who comes over TLS must show a certificate, or a token. */
  readonly requireClient?: boolean | undefined;
}

/**
 * The check of logins for a set of users; `site` (`region/org/site`) is where agents write for
 * that name none. With no users and no enrolment everyone is anonymous: the listeners then take
 * loopback alone.
 * @throws E_SECRET_MISSING, E_CONFIG when a peer owns this hub's region
 */
export function identifier(
  users: Readonly<Record<string, User>>,
  site: string,
  parts: IdentityParts,
): Identify {
  const { clock, entropy, enrolment, requireClient } = parts;
  const { known, byCertificate } = knownOf(users, site, entropy);
  if (known.size === 0 && enrolment === undefined) {
    return () => Promise.resolve({ user: "", grant: { role: "anonymous" } });
  }
  const hashed = [...known.values()].some(({ secret }) => "hash" in secret);
  const nobody: Proof = hashed ? { hash: nobodysHash(entropy) } : unguessable(entropy);
  const checks = new PasswordChecks(entropy);
  const throttle = new Throttle(clock);
  return async (attempt) => {
    const { user = "", password, remote, certificate, enrolled, bare } = attempt;
    // A certificate is proof: nobody guesses it, and nobody else's guesses count against it.
    if (enrolled !== undefined && user === "") return loginOf(enrolled, enrolment);
    const proven = certificate === undefined ? undefined : byCertificate.get(certificate);
    if (proven !== undefined && (user === "" || user === proven.name)) {
      return { user: proven.name, grant: proven.grant, org: proven.org };
    }
    if (!throttle.allows(user, remote)) return { refused: "throttled" };
    const given = password ?? new Uint8Array();
    const bearer = await bearerOf(user, given, enrolment);
    if (bearer !== undefined) return bearer;
    if (requireClient === true && bare === true) return { refused: "certificate" };
    const entry = known.get(user);
    const matches = await proves(given, entry?.secret ?? nobody, checks);
    if (matches === undefined) return { refused: "busy" };
    if (entry !== undefined && matches) {
      throttle.succeeded(user, remote);
      return { user, grant: entry.grant, org: entry.org };
    }
    throttle.failed(user, remote);
    return { refused: "credentials" };
  };
}

interface Users {
  readonly known: ReadonlyMap<string, Known>;
  readonly byCertificate: ReadonlyMap<string, Known>;
}

/** @throws E_SECRET_MISSING */
function knownOf(users: Readonly<Record<string, User>>, site: string, entropy: Entropy): Users {
  const known = new Map<string, Known>();
  const byCertificate = new Map<string, Known>();
  for (const [name, user] of Object.entries(users)) {
    const grant = grantOf(name, user, site);
    if (grant.role === "peer" && site.startsWith(`${grant.region}/`)) {
      const why = `broker.users.${name}: ${grant.region} is this hub's own region, not a peer's`;
      throw new GatewayError("E_CONFIG", why);
    }
    const secret = proofOf(user) ?? unguessable(entropy);
    const entry = { name, secret, grant, org: user.org ?? orgOf(grant) };
    known.set(name, entry);
    if (user.certificate !== undefined) byCertificate.set(user.certificate, entry);
  }
  return { known, byCertificate };
}

/** Who the certificate of an enrolled agent stands for. */
function loginOf(fingerprint: string, enrolment: Enrolment | undefined): Login {
  const standing = enrolment?.standing(fingerprint) ?? { refused: "unknown" };
  if ("refused" in standing) {
    return { refused: standing.refused === "unknown" ? "certificate" : "revoked" };
  }
  const { site, agent } = standing;
  const grant: Grant = { role: "agent", site, agent };
  const enrolled = { certificate: fingerprint };
  return { user: `agent/${site}/${agent}`, grant, org: orgOf(grant), enrolled };
}

/** Who comes with an open token; undefined for anybody else. */
async function bearerOf(
  user: string,
  password: Uint8Array,
  enrolment: Enrolment | undefined,
): Promise<Login | undefined> {
  const [, id] = /^enroll\/([0-9a-f]{16})$/.exec(user) ?? [];
  const order = id === undefined ? undefined : await enrolment?.token(id, password);
  if (order === undefined) return undefined;
  const { site, agent } = order;
  const grant: Grant = { role: "enroller", site, agent };
  return { user, grant, org: orgOf(grant), enrolled: { token: order.id } };
}

/** Undefined: too many wait to be checked. */
async function proves(
  password: Uint8Array,
  proof: Proof,
  checks: PasswordChecks,
): Promise<boolean | undefined> {
  if ("digest" in proof) return timingSafeEqual(digestOf(password), proof.digest);
  return checks.check(password, proof.hash);
}

/** Undefined for a user without a password. @throws E_SECRET_MISSING */
function proofOf({ password, passwordHash }: User): Proof | undefined {
  if (passwordHash !== undefined) return { hash: passwordHash };
  return password && { digest: digestOf(Buffer.from(password.reveal())) };
}

/** What no password has. */
function unguessable(entropy: Entropy): Proof {
  return { digest: secretBytes(entropy, 32) };
}

function digestOf(password: Uint8Array): Buffer {
  return createHash("sha256").update(password).digest();
}

/** What a user is allowed; `site` (`region/org/site`) is where agents write that name none. */
export function grantOf(name: string, user: User, site: string): Grant {
  switch (user.role) {
    case "agent":
      return { role: "agent", site: user.site ?? site, agent: user.agent ?? name };
    case "peer":
      return { role: "peer", region: user.region ?? name };
    case "reader":
      return { role: "reader", read: user.read, set: user.set, ask: user.ask };
    case "admin":
      return { role: "admin" };
    default:
      return assertNever(user.role);
  }
}

function orgOf(grant: Grant): string | undefined {
  if (grant.role !== "agent" && grant.role !== "enroller") return undefined;
  return grant.site.split("/").slice(0, 2).join("/");
}

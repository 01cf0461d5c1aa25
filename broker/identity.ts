/**
 * Who a client is: the user of its certificate, or user name and password against the configured
 * users, in constant time, the same work and answer for an unknown user as for a wrong password.
 * Failures of one address are throttled by a token bucket.
 *
 * Passwords given in clear are long random strings, held as SHA-256: a slow hash would add nothing
 * to 128 bits of entropy. Those that people choose are given by their slow hash (`passwords.ts`).
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { isIPv6 } from "node:net";
import type { Clock, Entropy } from "../telemetry/index.ts";
import { assertNever } from "../telemetry/index.ts";
import type { Grant } from "./access.ts";
import type { User } from "./options.ts";
import type { PasswordHash } from "./passwords.ts";
import { nobodysHash, PasswordChecks, secretBytes } from "./passwords.ts";

/** `busy`: too many passwords wait to be checked. */
export type LoginRefusal = "credentials" | "throttled" | "busy";

export type Login =
  | { readonly user: string; readonly grant: Grant; readonly org?: string | undefined }
  | { readonly refused: LoginRefusal };

export interface LoginAttempt {
  readonly user: string | undefined;
  readonly password: Uint8Array | undefined;
  /** IP address of the other side. */
  readonly remote: string;
  /** Common name of its certificate, if that holds. */
  readonly certificate?: string | undefined;
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

/**
 * The check of logins for a set of users; `site` (`region/org/site`) is where agents write for
 * that name none. With no users everyone is anonymous: the listeners then take loopback alone.
 * @throws E_SECRET_MISSING
 */
export function identifier(
  users: Readonly<Record<string, User>>,
  site: string,
  { clock, entropy }: { readonly clock: Pick<Clock, "monotonic">; readonly entropy: Entropy },
): Identify {
  const known = new Map<string, Known>();
  const byCertificate = new Map<string, Known>();
  for (const [name, user] of Object.entries(users)) {
    const grant = grantOf(name, user, site);
    const secret = proofOf(user) ?? unguessable(entropy);
    const entry = { name, secret, grant, org: user.org ?? orgOf(grant) };
    known.set(name, entry);
    if (user.certificate !== undefined) byCertificate.set(user.certificate, entry);
  }
  if (known.size === 0) return () => Promise.resolve({ user: "", grant: { role: "anonymous" } });
  const hashed = [...known.values()].some(({ secret }) => "hash" in secret);
  const nobody: Proof = hashed ? { hash: nobodysHash(entropy) } : unguessable(entropy);
  const checks = new PasswordChecks(entropy);
  const throttle = new Throttle(clock);
  return async ({ user = "", password, remote, certificate }) => {
    if (!throttle.allows(remote)) return { refused: "throttled" };
    const proven = certificate === undefined ? undefined : byCertificate.get(certificate);
    if (proven !== undefined && (user === "" || user === proven.name)) {
      return { user: proven.name, grant: proven.grant, org: proven.org };
    }
    const entry = known.get(user);
    const given = password ?? new Uint8Array();
    const matches = await proves(given, entry?.secret ?? nobody, checks);
    if (matches === undefined) return { refused: "busy" };
    if (entry !== undefined && matches) return { user, grant: entry.grant, org: entry.org };
    throttle.failed(remote);
    return { refused: "credentials" };
  };
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
    case "reader":
      return { role: "reader", read: user.read, set: user.set, ask: user.ask };
    case "admin":
      return { role: "admin" };
    default:
      return assertNever(user.role);
  }
}

function orgOf(grant: Grant): string | undefined {
  return grant.role === "agent" ? grant.site.split("/").slice(0, 2).join("/") : undefined;
}

interface Bucket {
  /** Failures still allowed at `at`. */
  readonly tokens: number;
  /** @unit ms */
  readonly at: number;
}

/**
 * Failed logins per address. One refilled a second: a misconfigured agent that backs off does not
 * lock out its neighbours behind the same address, and a guesser gets 86,400 tries a day.
 */
class Throttle {
  static readonly burst = 30;
  static readonly perSecond = 1;
  /** Addresses remembered; the oldest is forgotten first. */
  static readonly addresses = 10_000;

  readonly #clock: Pick<Clock, "monotonic">;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  allows(remote: string): boolean {
    return this.#tokens(networkOf(remote)) >= 1;
  }

  failed(remote: string): void {
    const key = networkOf(remote);
    const tokens = this.#tokens(key) - 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens, at: this.#clock.monotonic() });
    if (this.#buckets.size <= Throttle.addresses) return;
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }

  #tokens(key: string): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return Throttle.burst;
    const grown = ((this.#clock.monotonic() - bucket.at) / 1000) * Throttle.perSecond;
    return Math.min(Throttle.burst, bucket.tokens + grown);
  }
}

/** An IPv4 address, or the /64 of an IPv6 address: one customer owns all of it. */
function networkOf(remote: string): string {
  if (!isIPv6(remote) || remote.includes(".")) return remote;
  const [head = "", tail] = remote.split("::");
  const left = head.split(":").filter((group) => group !== "");
  const right = (tail ?? "").split(":").filter((group) => group !== "");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array<string>(zeros).fill("0"), ...right].slice(0, 4).join(":");
}

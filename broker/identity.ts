/**
 * Who a client is: user name and password against the configured users, in constant time, the
 * same work and answer for an unknown user as for a wrong password. Failures of one address are
 * throttled by a token bucket.
 *
 * Passwords are long random strings of the configuration, held as SHA-256: a slow hash would let
 * a flood of CONNECTs stall the event loop and would add nothing to 128 bits of entropy.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { isIPv6 } from "node:net";
import type { Clock } from "../telemetry/index.ts";
import { assertNever } from "../telemetry/index.ts";
import type { Grant } from "./access.ts";
import type { User } from "./options.ts";

export type LoginRefusal = "credentials" | "throttled";

export type Login =
  | { readonly user: string; readonly grant: Grant }
  | { readonly refused: LoginRefusal };

export interface LoginAttempt {
  readonly user: string | undefined;
  readonly password: Uint8Array | undefined;
  /** IP address of the other side. */
  readonly remote: string;
}

export type Identify = (attempt: LoginAttempt) => Login;

interface Known {
  readonly digest: Buffer;
  readonly grant: Grant;
}

/**
 * The check of logins for a set of users; `site` (`region/org/site`) is where agents write for
 * that name none. With no users everyone is anonymous: the listeners then take loopback alone.
 * @throws E_SECRET_MISSING
 */
export function identifier(
  users: Readonly<Record<string, User>>,
  site: string,
  clock: Pick<Clock, "monotonic">,
): Identify {
  const known = new Map<string, Known>(
    Object.entries(users).map(([name, user]) => [
      name,
      { digest: digestOf(Buffer.from(user.password.reveal())), grant: grantOf(name, user, site) },
    ]),
  );
  if (known.size === 0) return () => ({ user: "", grant: { role: "anonymous" } });
  const nobody = digestOf(Buffer.from("nobody"));
  const throttle = new Throttle(clock);
  return ({ user = "", password, remote }) => {
    if (!throttle.allows(remote)) return { refused: "throttled" };
    const entry = known.get(user);
    const matches = timingSafeEqual(
      digestOf(password ?? new Uint8Array()),
      entry?.digest ?? nobody,
    );
    if (entry !== undefined && matches) return { user, grant: entry.grant };
    throttle.failed(remote);
    return { refused: "credentials" };
  };
}

function digestOf(password: Uint8Array): Buffer {
  return createHash("sha256").update(password).digest();
}

function grantOf(name: string, user: User, site: string): Grant {
  switch (user.role) {
    case "agent":
      return { role: "agent", site: user.site ?? site, agent: user.agent ?? name };
    case "reader":
      return { role: "reader", read: user.read, set: user.set };
    case "admin":
      return { role: "admin" };
    default:
      return assertNever(user.role);
  }
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

/**
 * Wrong passwords are slowed down twice: by the address they come from, and by the user they are
 * for, since a guesser may have many addresses. A user's own addresses, those it logged in from,
 * are not slowed down by what others guess: nobody locks a user out where it always is.
 */
import { isIPv6 } from "node:net";
import type { Clock } from "../telemetry/index.ts";

interface Bucket {
  /** Failures still allowed at `at`. */
  readonly tokens: number;
  /** @unit ms */
  readonly at: number;
}

interface Pace {
  readonly burst: number;
  readonly perSecond: number;
}

/**
 * One refilled a second: a misconfigured agent that backs off does not lock out its neighbours
 * behind the same address, and a guesser gets 86,400 tries a day.
 */
const perAddress: Pace = { burst: 30, perSecond: 1 };
/** From addresses that are not the user's own: 1,440 tries a day, however many those are. */
const perUser: Pace = { burst: 100, perSecond: 1 / 60 };
/** Names, addresses and users' own addresses remembered; the oldest is forgotten first. */
const most = 10_000;

/** Failures by a key, as token buckets. */
class Buckets {
  readonly #pace: Pace;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #buckets = new Map<string, Bucket>();

  constructor(pace: Pace, clock: Pick<Clock, "monotonic">) {
    this.#pace = pace;
    this.#clock = clock;
  }

  allows(key: string): boolean {
    return this.#tokens(key) >= 1;
  }

  failed(key: string): void {
    const tokens = this.#tokens(key) - 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens, at: this.#clock.monotonic() });
    if (this.#buckets.size > most) forgetOldest(this.#buckets);
  }

  #tokens(key: string): number {
    const { burst, perSecond } = this.#pace;
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return burst;
    const grown = ((this.#clock.monotonic() - bucket.at) / 1000) * perSecond;
    return Math.min(burst, bucket.tokens + grown);
  }
}

/** Longest part of a user's name that is remembered: strangers choose it. @unit characters */
const nameLength = 128;

export class Throttle {
  readonly #addresses: Buckets;
  readonly #users: Buckets;
  /** `user network` of those who logged in. */
  readonly #own = new Map<string, true>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#addresses = new Buckets(perAddress, clock);
    this.#users = new Buckets(perUser, clock);
  }

  /** Whether somebody may try; unknown users are counted as known ones are. */
  allows(user: string, remote: string): boolean {
    const network = networkOf(remote);
    if (!this.#addresses.allows(network)) return false;
    const name = user.slice(0, nameLength);
    return this.#own.has(`${name} ${network}`) || this.#users.allows(name);
  }

  failed(user: string, remote: string): void {
    const network = networkOf(remote);
    const name = user.slice(0, nameLength);
    this.#addresses.failed(network);
    if (!this.#own.has(`${name} ${network}`)) this.#users.failed(name);
  }

  succeeded(user: string, remote: string): void {
    const pair = `${user.slice(0, nameLength)} ${networkOf(remote)}`;
    this.#own.delete(pair);
    this.#own.set(pair, true);
    if (this.#own.size > most) forgetOldest(this.#own);
  }
}

function forgetOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
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

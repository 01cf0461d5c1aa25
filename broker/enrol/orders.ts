/**
 * What operators have ordered, in one file that `rackstreet enroll` writes and the hub only reads:
 * open tokens, by the hash of their secret, and revocations. So a hub that runs and a command
 * beside it never write the same file; what became of an order stands in the hub's book.
 */
import { createHash } from "node:crypto";
import { v } from "../../config/index.ts";
import type { Disk, Entropy } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { jsonOf } from "../keep/packets.ts";

/** A token that may be used once. */
export interface Order {
  readonly id: string;
  /** SHA-256 of its secret, in hexadecimal digits. */
  readonly digest: string;
  /** `region/org/site`. */
  readonly site: string;
  readonly agent: string;
  /** @unit ms since 1970-01-01 UTC */
  readonly until: number;
}

export interface Revocation {
  readonly id: string;
  readonly site: string;
  readonly agent: string;
}

export interface Orders {
  readonly tokens: readonly Order[];
  readonly revoked: readonly Revocation[];
}

/** Open tokens, and revocations that no hub has taken up yet. */
const most = 1000;
const fileName = "orders.json";

const place = { id: v.string(), site: v.string(), agent: v.string() };
const form = v.object({
  tokens: v.array(v.object({ ...place, digest: v.string(), until: v.number() })),
  revoked: v.array(v.object(place)),
});

/** @throws E_CONFIG_UNREADABLE when the file is not what it should be */
export async function readOrders(disk: Disk): Promise<Orders> {
  return parseOrders(await disk.readAll(fileName));
}

export function parseOrders(bytes: Uint8Array | undefined): Orders {
  if (bytes === undefined) return { tokens: [], revoked: [] };
  const parsed = v.safeParse(form, jsonOf(Buffer.from(bytes).toString("utf8")));
  if (parsed.success) return parsed.output;
  throw new GatewayError("E_CONFIG_UNREADABLE", `${fileName}: ${parsed.issues[0].message}`);
}

/** The bytes of the file, to tell whether it changed. */
export function ordersFile(disk: Disk): Promise<Uint8Array | undefined> {
  return disk.readAll(fileName);
}

export function writeOrders(disk: Disk, orders: Orders): Promise<void> {
  const bytes = Buffer.from(JSON.stringify({ v: 1, ...orders }));
  return disk.replace(fileName, bytes, { secret: true });
}

/**
 * Orders with one more token. An agent has one: those made for it before are void. What is expired
 * is forgotten.
 * @throws E_USAGE when too many are open
 */
export function withToken(orders: Orders, token: Order, now: number): Orders {
  const tokens = orders.tokens.filter((one) => one.until > now && !isFor(one, token));
  if (tokens.length >= most) {
    throw new GatewayError(
      "E_USAGE",
      `${most} tokens are open; wait until some are used or expire`,
    );
  }
  return { ...orders, tokens: [...tokens, token] };
}

/**
 * Orders with one more revocation; the agent's open token goes with it, and one revocation of an
 * agent stands for all before: carried out twice it would hit a certificate that came after it.
 * @throws E_USAGE when too many wait
 */
export function withRevocation(orders: Orders, revocation: Revocation): Orders {
  const others = orders.revoked.filter((one) => !isFor(one, revocation));
  if (others.length >= most) {
    throw new GatewayError("E_USAGE", `${most} revocations wait for the hub: start it`);
  }
  const tokens = orders.tokens.filter((one) => !isFor(one, revocation));
  return { tokens, revoked: [...others, revocation] };
}

interface Place {
  readonly site: string;
  readonly agent: string;
}

export function isFor(one: Place, other: Place): boolean {
  return one.site === other.site && one.agent === other.agent;
}

/** 128 bits that nobody can guess: no slow hash is needed. */
export function newSecret(entropy: Entropy): string {
  return entropy.id() + entropy.id();
}

export function digestOf(secret: string | Uint8Array): string {
  return createHash("sha256").update(secret).digest("hex");
}

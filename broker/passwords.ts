/**
 * Passwords that are kept only as their hash, in the form of the PHC string format:
 *
 *   $scrypt$ln=15,r=8,p=1$SALT$HASH        base64 without padding; N = 2^ln [RFC 7914]
 *
 * A check costs 32 MiB and some 50 ms of a thread, so few run at once and few wait; a password that
 * was right once is known again by a keyed digest, or a thousand agents that reconnect would wait
 * for minutes.
 */
import { createHmac, scrypt, timingSafeEqual } from "node:crypto";
import type { Entropy } from "../telemetry/index.ts";

export interface PasswordHash {
  /** log2 of N. */
  readonly cost: number;
  readonly block: number;
  readonly parallel: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const form = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/]{11,86})\$([\w+/]{22,86})$/;

/** N of new hashes: some 50 ms, which nobody minds who logs in. */
const usualCost = 15;
const usualBlock = 8;
const saltBytes = 16;
const hashBytes = 32;

/** More memory no check may take. @unit bytes */
const mostMemory = 256 * 1024 * 1024;

/** The parts of a hash as it is written down; undefined: it is none, or asks for too much. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, ln, r, p, salt = "", hash = ""] = form.exec(text) ?? [];
  const [cost, block, parallel] = [Number(ln), Number(r), Number(p)];
  if (!(cost >= 10 && cost <= 20 && block >= 1 && parallel >= 1 && parallel <= 16))
    return undefined;
  if (memoryOf(cost, block) > mostMemory) return undefined;
  const parts = { salt: Buffer.from(salt, "base64"), hash: Buffer.from(hash, "base64") };
  return { cost, block, parallel, ...parts };
}

/** A password as it may be written into a configuration. */
export async function hashPassword(password: string, entropy: Entropy): Promise<string> {
  const salt = secretBytes(entropy, saltBytes);
  const shape = {
    cost: usualCost,
    block: usualBlock,
    parallel: 1,
    salt,
    hash: Buffer.alloc(hashBytes),
  };
  const hash = await derive(Buffer.from(password), shape);
  return `$scrypt$ln=${usualCost},r=${usualBlock},p=1$${plain(salt)}$${plain(hash)}`;
}

/** Bytes that nobody can know. */
export function secretBytes(entropy: Entropy, length: number): Buffer {
  const ids = Array.from({ length: Math.ceil(length / 8) }, () => entropy.id());
  return Buffer.from(ids.join(""), "hex").subarray(0, length);
}

/** A hash that no password has. */
export function nobodysHash(entropy: Entropy): PasswordHash {
  const [salt, hash] = [secretBytes(entropy, saltBytes), secretBytes(entropy, hashBytes)];
  return { cost: usualCost, block: usualBlock, parallel: 1, salt, hash };
}

function plain(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

function memoryOf(cost: number, block: number): number {
  return 128 * 2 ** cost * block;
}

function derive(password: Uint8Array, shape: PasswordHash): Promise<Buffer> {
  const { cost, block, parallel, salt, hash } = shape;
  const options = { N: 2 ** cost, r: block, p: parallel, maxmem: 2 * memoryOf(cost, block) };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hash.length, options, (error, derived) => {
      if (error === null) resolve(derived);
      else reject(error);
    });
  });
}

/** Checks at once: half of the thread pool, whose other half serves the disk. */
const atOnce = 2;
/** Checks that may wait; one more is told to come again. */
const mostWaiting = 200;

/** Checks passwords against hashes, a few at a time. */
export class PasswordChecks {
  readonly #key: Buffer;
  /** What was right: by hash, a keyed digest of the password. Bounded by the users. */
  readonly #known = new Map<PasswordHash, Buffer>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(entropy: Entropy) {
    this.#key = secretBytes(entropy, 32);
  }

  /** Undefined: too many wait. Takes as long for a wrong password as for a right new one. */
  async check(password: Uint8Array, hash: PasswordHash): Promise<boolean | undefined> {
    const digest = createHmac("sha256", this.#key).update(password).digest();
    const known = this.#known.get(hash);
    if (known !== undefined && timingSafeEqual(known, digest)) return true;
    if (this.#waiting.length >= mostWaiting) return undefined;
    if (this.#running >= atOnce) await new Promise<void>((go) => this.#waiting.push(go));
    this.#running += 1;
    try {
      const right = timingSafeEqual(await derive(password, hash), hash.hash);
      if (right) this.#known.set(hash, digest);
      return right;
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}

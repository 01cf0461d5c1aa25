/**
 * Gives agents their certificates and knows whose each is. An agent comes with a token, once, or
 * with the certificate that it has; its private key stays with it, a request holds the public half.
 *
 * What is issued rests on the disk before it is handed out. The same request comes twice when an
 * answer was lost: the same key gets the same certificate, so that a hub killed in the middle costs
 * no token. Another key with a used token is refused.
 */
import { timingSafeEqual } from "node:crypto";
import type { Certified, Disk, Platform, Timer } from "../../telemetry/index.ts";
import { decodeEnrol, messageOf } from "../../telemetry/index.ts";
import { secretBytes } from "../passwords.ts";
import type { Book, Entry, Gone, Issued } from "./book.ts";
import { voided } from "./book.ts";
import type { Authority } from "./certificates.ts";
import { fingerprintOf, keyOfRequest } from "./certificates.ts";
import type { Order, Orders } from "./orders.ts";
import { digestOf, ordersFile, parseOrders } from "./orders.ts";

/** How somebody proved which agent it is. */
export type EnrolledBy = { readonly certificate: string } | { readonly token: string };

/** Whose a certificate is, or why nobody's. */
export type Standing =
  | { readonly site: string; readonly agent: string }
  | { readonly refused: Gone | "unknown" };

export interface EnrolmentParts {
  readonly disk: Disk;
  readonly book: Book;
  readonly authority: Authority;
  /** Who signs the hub's own certificate, PEM: agents are told to trust it. */
  readonly trust: string;
  /** How long certificates of agents hold. @unit ms */
  readonly valid: number;
  /** Done once a day: renews the hub's own certificate when it is time. */
  readonly upkeep?: () => Promise<void>;
  readonly platform: Platform;
}

/** How often orders are looked for: a revocation must be felt within a second. @unit ms */
const lookEvery = 250;
/** @unit ms */
const upkeepEvery = 86_400_000;
/** Clocks of others may be behind. @unit ms */
const backdate = 300_000;
/** Requests under way and waiting; one more is told to come again. */
const mostWaiting = 200;

interface Refusal {
  readonly refused: string;
  readonly remedy: string;
}

export class Enrolment implements Disposable {
  readonly #parts: EnrolmentParts;
  #file: Uint8Array | undefined;
  #orders: Orders = { tokens: [], revoked: [] };
  #timer: Timer | undefined;
  #upkeep: Timer | undefined;
  /** One thing at a time: orders taken up, certificates issued. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #complaint = "";
  /** Called when certificates hold no more. */
  #changed: () => void = () => undefined;

  constructor(parts: EnrolmentParts) {
    this.#parts = parts;
    this.#schedule();
    this.#scheduleUpkeep();
  }

  /** Calls `changed` whenever some certificate has become void. */
  onVoid(changed: () => void): void {
    this.#changed = changed;
  }

  [Symbol.dispose](): void {
    this.#upkeep?.cancel();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Whose the certificate with this fingerprint is now. */
  standing(fingerprint: string): Standing {
    const entry = this.#parts.book.having(fingerprint);
    const holds = entry?.certificates.some((one) => one.fingerprint === fingerprint) === true;
    if (entry !== undefined && holds) return { site: entry.site, agent: entry.agent };
    const gone = entry?.gone.find((one) => one.fingerprint === fingerprint);
    return { refused: gone?.why ?? "unknown" };
  }

  /** The open token with this number and secret; one of the last moment counts. */
  async token(id: string, secret: Uint8Array): Promise<Order | undefined> {
    const find = (): Order | undefined => this.#orders.tokens.find((one) => one.id === id);
    if (find() === undefined) await this.#next(() => this.#look());
    const order = find();
    const [given, known] = [digestOf(secret), order?.digest ?? digestOf("")];
    const same = timingSafeEqual(Buffer.from(given), Buffer.from(known));
    return same ? order : undefined;
  }

  /** What is answered to a request. */
  async take(by: EnrolledBy, payload: Uint8Array): Promise<Certified> {
    const csr = decodeEnrol(payload);
    const key = csr === undefined ? undefined : keyOfRequest(csr);
    if (key === undefined) {
      const refused = "this is no request for a certificate of a key of P-256";
      return { key: "", refused, remedy: "use `rackstreet enroll`" };
    }
    const name = digestOf(key);
    if (this.#waiting >= mostWaiting) {
      return { key: name, refused: "too many requests wait", remedy: "come again in a minute" };
    }
    this.#waiting += 1;
    try {
      const answer = await this.#next(async () => {
        // An order of the last moment counts.
        await this.#look();
        return this.#judge(by, { key, name });
      });
      const { trust: ca } = this.#parts;
      return "pem" in answer
        ? { key: name, certificate: answer.pem, ca }
        : { key: name, ...answer };
    } catch (error) {
      this.#parts.platform.log.error("enrolment failed", { why: messageOf(error) });
      return { key: name, refused: "the hub failed to issue it", remedy: "come again in a minute" };
    } finally {
      this.#waiting -= 1;
    }
  }

  // --- requests ---

  #judge(by: EnrolledBy, wanted: Wanted): Promise<Issued | Refusal> | Issued | Refusal {
    return "token" in by ? this.#enrol(by.token, wanted) : this.#renew(by.certificate, wanted);
  }

  async #enrol(id: string, wanted: Wanted): Promise<Issued | Refusal> {
    const again = "ask for a new one: `rackstreet enroll token` at the hub";
    const order = this.#orders.tokens.find((one) => one.id === id);
    if (order === undefined) return { refused: "this token was withdrawn", remedy: again };
    const entry = this.#parts.book.of(order.site, order.agent);
    if (entry.token?.id === id) {
      const held = entry.certificates.find(({ key }) => key === wanted.name);
      if (entry.token.key === wanted.name && held !== undefined) return held;
      return { refused: "this token was used already", remedy: again };
    }
    if (this.#parts.platform.clock.now() >= order.until) {
      return { refused: "this token has expired", remedy: again };
    }
    const token = { id, key: wanted.name };
    const issued = await this.#issue({ ...voided(entry, "replaced"), token }, wanted);
    this.#changed();
    return issued;
  }

  async #renew(fingerprint: string, wanted: Wanted): Promise<Issued | Refusal> {
    const entry = this.#parts.book.having(fingerprint);
    const used = entry?.certificates.find((one) => one.fingerprint === fingerprint);
    const newest = entry?.certificates.at(-1);
    if (entry === undefined || used === undefined || newest === undefined) {
      return { refused: "this certificate holds no more", remedy: "enrol with a new token" };
    }
    if (newest.key === wanted.name) return newest;
    const half = (newest.from + newest.until) / 2;
    if (this.#parts.platform.clock.now() < half) {
      return { refused: "a certificate is renewed in the second half of its life", remedy: "wait" };
    }
    return this.#issue({ ...entry, certificates: [used] }, wanted);
  }

  async #issue(entry: Entry, { key, name }: Wanted): Promise<Issued> {
    const { authority, book, valid, platform } = this.#parts;
    const now = Math.floor(platform.clock.now() / 1000) * 1000;
    const span = { from: now - backdate, until: now + valid };
    const serial = secretBytes(platform.entropy, 16);
    const { site, agent } = entry;
    const pem = authority.certify({ name: agent, key, span, serial }, `${site}/${agent}`);
    const fingerprint = fingerprintOf(pem);
    const issued = { fingerprint, key: name, from: now, until: span.until, pem };
    await book.keep({ ...entry, certificates: [...entry.certificates, issued] });
    platform.log.info("certificate issued", { site, agent, fingerprint });
    return issued;
  }

  // --- orders ---

  #schedule(): void {
    this.#timer = this.#parts.platform.clock.after(lookEvery, () => {
      void this.#next(() => this.#look()).finally(() => {
        if (this.#timer !== undefined) this.#schedule();
      });
    });
  }

  #scheduleUpkeep(): void {
    const { upkeep, platform } = this.#parts;
    if (upkeep === undefined) return;
    this.#upkeep = platform.clock.after(upkeepEvery, () => {
      this.#scheduleUpkeep();
      upkeep().catch((error: unknown) => {
        platform.log.error("hub's certificate not renewed", { why: messageOf(error) });
      });
    });
  }

  #next<Out>(work: () => Promise<Out> | Out): Promise<Out> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Takes up new orders. A file that cannot be read leaves all as it is, and is said once. */
  async #look(): Promise<void> {
    const { disk, platform } = this.#parts;
    try {
      const file = await ordersFile(disk);
      if (same(file, this.#file)) return;
      const orders = parseOrders(file);
      await this.#revoke(orders);
      this.#orders = orders;
      this.#file = file;
      this.#complaint = "";
    } catch (error) {
      const why = messageOf(error);
      if (why !== this.#complaint) platform.log.error("orders not taken up", { why });
      this.#complaint = why;
    }
  }

  async #revoke({ revoked }: Orders): Promise<void> {
    const { book, platform } = this.#parts;
    for (const { id, site, agent } of revoked) {
      const entry = book.of(site, agent);
      if (entry.revoked === id) continue;
      await book.keep({ ...voided(entry, "revoked"), revoked: id });
      platform.log.info("certificates revoked", { site, agent });
      this.#changed();
    }
  }
}

/** What is asked for: a public key, and its SHA-256. */
interface Wanted {
  readonly key: Buffer;
  readonly name: string;
}

function same(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return Buffer.compare(one, other) === 0;
}

/** Revocations that no hub has carried out yet. */
export function pendingOf(orders: Orders, book: Book): Orders["revoked"] {
  return orders.revoked.filter(({ id, site, agent }) => book.of(site, agent).revoked !== id);
}

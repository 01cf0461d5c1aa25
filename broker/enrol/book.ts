/**
 * Whose certificate is whose: one file an agent, written by the hub alone and durable before a
 * certificate is handed out, so that a hub that dies in between gives the same one again.
 */
import { createHash } from "node:crypto";
import { v } from "../../config/index.ts";
import type { Disk, Log } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { jsonOf } from "../keep/packets.ts";

export interface Issued {
  /** SHA-256 of the certificate. */
  readonly fingerprint: string;
  /** SHA-256 of its public key. */
  readonly key: string;
  /** @unit ms since 1970-01-01 UTC */
  readonly from: number;
  readonly until: number;
  readonly pem: string;
}

/** All that was issued to one agent. */
export interface Entry {
  /** `region/org/site`. */
  readonly site: string;
  readonly agent: string;
  /** The token it came with last, and the key it came for. */
  readonly token?: { readonly id: string; readonly key: string } | undefined;
  /** Those that hold: the newest last, and the one before until the agent uses the newest. */
  readonly certificates: readonly Issued[];
  /** Fingerprints of the newest that hold no more, and why. */
  readonly gone: readonly { readonly fingerprint: string; readonly why: Gone }[];
  /** The newest revocation that was carried out. */
  readonly revoked?: string | undefined;
}

export type Gone = "revoked" | "replaced";

/** Agents of one hub. */
export const mostAgents = 20_000;
/** Certificates that are remembered to hold no more, of one agent. */
const mostGone = 8;

const issued = v.object({
  fingerprint: v.string(),
  key: v.string(),
  from: v.number(),
  until: v.number(),
  pem: v.string(),
});
const form = v.object({
  site: v.string(),
  agent: v.string(),
  token: v.optional(v.object({ id: v.string(), key: v.string() })),
  certificates: v.array(issued),
  gone: v.array(v.object({ fingerprint: v.string(), why: v.picklist(["revoked", "replaced"]) })),
  revoked: v.optional(v.string()),
});

export class Book {
  readonly #disk: Disk;
  /** By `region/org/site/agent`. */
  readonly #entries = new Map<string, Entry>();
  readonly #byFingerprint = new Map<string, Entry>();

  private constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** An entry that cannot be read is none: its agent must enrol again. */
  static async open(disk: Disk, log: Log): Promise<Book> {
    const book = new Book(disk);
    for (const name of await disk.list()) {
      if (!/^agent-[0-9a-f]{32}\.json$/.test(name)) continue;
      const text = Buffer.from((await disk.readAll(name)) ?? []).toString("utf8");
      const parsed = v.safeParse(form, jsonOf(text));
      if (parsed.success) book.#note(parsed.output);
      else log.error("entry of an enrolled agent is damaged", { file: name });
    }
    return book;
  }

  get all(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  of(site: string, agent: string): Entry {
    const known = this.#entries.get(`${site}/${agent}`);
    return known ?? { site, agent, certificates: [], gone: [] };
  }

  /** The entry that has, or had, a certificate. */
  having(fingerprint: string): Entry | undefined {
    return this.#byFingerprint.get(fingerprint);
  }

  /**
   * Resolves when it rests on the disk.
   * @throws E_ACCESS when there are too many agents; what the disk throws
   */
  async keep(entry: Entry): Promise<void> {
    const place = `${entry.site}/${entry.agent}`;
    if (!this.#entries.has(place) && this.#entries.size >= mostAgents) {
      throw new GatewayError("E_ACCESS", `this hub has ${mostAgents} enrolled agents already`);
    }
    const kept = { ...entry, gone: entry.gone.slice(-mostGone) };
    const name = createHash("sha256").update(place).digest("hex").slice(0, 32);
    await this.#disk.replace(`agent-${name}.json`, Buffer.from(JSON.stringify({ v: 1, ...kept })));
    this.#note(kept);
  }

  #note(entry: Entry): void {
    const place = `${entry.site}/${entry.agent}`;
    for (const fingerprint of fingerprintsOf(this.#entries.get(place))) {
      this.#byFingerprint.delete(fingerprint);
    }
    this.#entries.set(place, entry);
    for (const fingerprint of fingerprintsOf(entry)) this.#byFingerprint.set(fingerprint, entry);
  }
}

function fingerprintsOf(entry: Entry | undefined): readonly string[] {
  const all = [...(entry?.certificates ?? []), ...(entry?.gone ?? [])];
  return all.map(({ fingerprint }) => fingerprint);
}

/** An entry none of whose certificates holds any more. */
export function voided(entry: Entry, why: Gone): Entry {
  const gone = entry.certificates.map(({ fingerprint }) => ({ fingerprint, why }));
  return { ...entry, certificates: [], gone: [...entry.gone, ...gone] };
}

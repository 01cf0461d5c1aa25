/**
 * TLS of the listeners: the hub's certificate and key, and the authority that signs certificates of
 * clients. Files that were changed are taken up within a minute, for new connections; a pair that
 * does not fit changes nothing and is said in the log.
 */
import { readFileSync } from "node:fs";
import type { SecureContextOptions } from "node:tls";
import { createSecureContext } from "node:tls";
import type { Clock, Log, Timer } from "../telemetry/index.ts";
import { GatewayError, messageOf } from "../telemetry/index.ts";

export interface TlsOptions {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string | undefined;
  readonly crl?: string | undefined;
  /** Who signs certificates of enrolled agents, and its list of revoked ones: PEM itself. */
  readonly enrolled?: { readonly ca: string; readonly crl?: string | undefined } | undefined;
  /** Whether a client without a certificate is turned away. */
  readonly requireClient: boolean;
}

/** What a listener gives to `tls.createServer`, and to `setSecureContext` later. */
export interface TlsSettings extends Pick<SecureContextOptions, "minVersion"> {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string[];
  readonly crl?: string[];
  readonly requestCert: boolean;
  /** Clients whose certificate does not hold are told apart by us, and counted. */
  readonly rejectUnauthorized: false;
}

/** @unit ms */
const lookEvery = 60_000;

/** Oldest version spoken; older ones are broken. [RFC 8996] */
const minVersion = "TLSv1.2";

/** Watches the files of a hub's TLS. */
export class TlsFiles implements Disposable {
  readonly #options: TlsOptions;
  readonly #parts: { readonly clock: Clock; readonly log: Log };
  readonly #listeners = new Set<(settings: TlsSettings) => void>();
  #settings: TlsSettings;
  #timer: Timer | undefined;

  /** @throws E_CONFIG when a file cannot be read or they do not fit */
  constructor(options: TlsOptions, parts: { readonly clock: Clock; readonly log: Log }) {
    this.#options = options;
    this.#parts = parts;
    this.#settings = read(options);
    this.#schedule();
  }

  get settings(): TlsSettings {
    return this.#settings;
  }

  get requireClient(): boolean {
    return this.#options.requireClient;
  }

  /** Whether agents may come for their first certificate, without one. */
  get enrols(): boolean {
    return this.#options.enrolled !== undefined;
  }

  /** Calls `changed` for each new set of files. */
  onChange(changed: (settings: TlsSettings) => void): void {
    this.#listeners.add(changed);
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer = this.#parts.clock.after(lookEvery, () => {
      this.#schedule();
      this.look();
    });
  }

  /** Looks at the files now. */
  look(): void {
    const { log } = this.#parts;
    try {
      const settings = read(this.#options);
      if (same(settings, this.#settings)) return;
      this.#settings = settings;
      for (const changed of this.#listeners) changed(settings);
      log.info("certificates changed", { cert: this.#options.cert });
    } catch (error) {
      log.warn("new certificates refused", { why: messageOf(error) });
    }
  }
}

const contents = ["cert", "key", "ca", "crl"] as const;

function same(one: TlsSettings, other: TlsSettings): boolean {
  return contents.every((name) => one[name]?.toString() === other[name]?.toString());
}

function read({ cert, key, clientCa, crl, enrolled }: TlsOptions): TlsSettings {
  const ca = [
    ...(clientCa === undefined ? [] : [fileOf("clientCa", clientCa)]),
    ...(enrolled === undefined ? [] : [enrolled.ca]),
  ];
  // With a list each authority needs one: a certificate of one without is refused.
  const lists = crl === undefined ? [] : [fileOf("crl", crl), enrolled?.crl ?? ""];
  const settings: TlsSettings = {
    minVersion,
    cert: fileOf("cert", cert),
    key: fileOf("key", key),
    ...(ca.length === 0 ? {} : { ca }),
    ...(lists.length === 0 ? {} : { crl: lists.filter((list) => list !== "") }),
    requestCert: ca.length > 0,
    rejectUnauthorized: false,
  };
  try {
    createSecureContext(settings);
  } catch (cause) {
    const why = `broker.tls: ${cert} and ${key}: ${messageOf(cause)}`;
    throw new GatewayError("E_CONFIG", why, { cause });
  }
  return settings;
}

function fileOf(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const why = `broker.tls.${name}: ${path}: ${messageOf(cause)}`;
    throw new GatewayError("E_CONFIG", why, { cause });
  }
}

/**
 * The files of enrolment, in a folder of the hub's: its authority, which is made at the first use
 * where the configuration names none; the hub's own certificate, where `tls` gives none; and who
 * agents are told to trust. All of it is secret to the hub's user.
 *
 *   ca.pem, ca-key.pem   the authority           hub.pem     key and certificate of the hub
 *   orders.json          tokens, revocations     agent-….json  what was issued, one an agent
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from "node:crypto";
import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { join } from "node:path";
import type { Clock, Disk, Entropy, Platform, Site } from "../../telemetry/index.ts";
import { GatewayError, messageOf } from "../../telemetry/index.ts";
import { secretBytes } from "../passwords.ts";
import type { TlsOptions } from "../tls.ts";
import { Book } from "./book.ts";
import type { Pair } from "./certificates.ts";
import { Authority, fingerprintOf, spkiOf } from "./certificates.ts";
import { Enrolment } from "./enrolment.ts";
import type { EnrolOptions } from "./options.ts";

const day = 86_400_000;
/** Agents keep the authority; an own one outlives them. @unit ms */
const authorityHolds = 20 * 365 * day;
/** Apple's and Mozilla's limit for servers. @unit ms */
const hubHolds = 397 * day;
/** Clocks of agents may be behind. @unit ms */
const backdate = day;

const files = { cert: "ca.pem", key: "ca-key.pem", hub: "hub.pem" } as const;

export interface EnrolSetup {
  readonly options: EnrolOptions;
  /** The hub's certificate, where the configuration gives one. */
  readonly tls: TlsOptions | undefined;
  readonly site: Site;
  /** Its folder, as a path and as a disk. */
  readonly folder: string;
  readonly disk: Disk;
}

/** What stands in the folder once it is ready to be used. */
export interface EnrolFiles {
  readonly authority: Authority;
  /** How the hub's listeners prove who they are, and whom they believe. */
  readonly tls: TlsOptions;
  readonly trust: string;
  /** SHA-256 of the hub's certificate. */
  readonly fingerprint: string;
}

/**
 * Makes what is missing. Nobody else may be at work in the folder.
 * @throws E_CONFIG, what the disk throws
 */
export async function prepareEnrolment(
  setup: EnrolSetup,
  { clock, entropy }: Pick<Platform, "clock" | "entropy">,
): Promise<EnrolFiles> {
  const { options, disk, folder, site } = setup;
  const made = { clock, entropy };
  const authority = new Authority(
    options.ca === undefined
      ? await ownAuthority(disk, `rackstreet ${site.region}/${site.org}/${site.site}`, made)
      : { cert: fileOf("ca.cert", options.ca.cert), key: fileOf("ca.key", options.ca.key) },
  );
  if (setup.tls === undefined) await ownCertificate(setup, authority, made);
  const own = join(folder, files.hub);
  const tls = setup.tls ?? { cert: own, key: own, requireClient: false };
  const cert = fileOf("tls.cert", tls.cert);
  return {
    authority,
    tls,
    trust: trustFor(cert, options, authority),
    fingerprint: fingerprintOf(cert),
  };
}

/** Enrolment of a hub that starts. @throws E_CONFIG, what the disk throws */
export async function openEnrolment(
  setup: EnrolSetup,
  platform: Platform,
): Promise<{ readonly enrolment: Enrolment; readonly tls: TlsOptions }> {
  const { authority, trust, tls } = await prepareEnrolment(setup, platform);
  const { disk, options } = setup;
  const book = await Book.open(disk, platform.log);
  const { valid } = options;
  const upkeep = async (): Promise<void> => {
    if (setup.tls === undefined) await ownCertificate(setup, authority, platform);
  };
  const enrolment = new Enrolment({ disk, book, authority, trust, valid, upkeep, platform });
  const crl = options.ca === undefined ? authority.emptyList(platform.clock.now()) : undefined;
  return { enrolment, tls: { ...tls, enrolled: { ca: authority.cert, crl } } };
}

interface Makers {
  readonly clock: Pick<Clock, "now">;
  readonly entropy: Entropy;
}

async function ownAuthority(disk: Disk, name: string, makers: Makers): Promise<Pair> {
  const [cert, key] = [await disk.readAll(files.cert), await disk.readAll(files.key)];
  if (cert !== undefined && key !== undefined) return { cert: textOf(cert), key: textOf(key) };
  if (cert !== undefined) {
    const why = `${files.cert} is there and ${files.key} is not: bring it back, or remove both`;
    throw new GatewayError("E_CONFIG", `broker.enroll: ${why}`);
  }
  const now = makers.clock.now();
  const span = { from: now - backdate, until: now + authorityHolds };
  const pair = Authority.make(name.slice(0, 64), span, secretBytes(makers.entropy, 16));
  // The certificate last: a key without it is replaced, for nothing was signed by it.
  await disk.replace(files.key, Buffer.from(pair.key), { secret: true });
  await disk.replace(files.cert, Buffer.from(pair.cert));
  return pair;
}

/** Makes the hub's certificate where none does, and again after two thirds of its life. */
async function ownCertificate(
  { disk, options }: EnrolSetup,
  authority: Authority,
  { clock, entropy }: Makers,
): Promise<void> {
  const names = [...new Set([...options.names, "localhost", "127.0.0.1"])];
  const there = await disk.readAll(files.hub);
  const known = there && textOf(there);
  if (known !== undefined && does(known, { names, authority, now: clock.now() })) return;
  const key =
    known === undefined
      ? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
      : createPrivateKey(known);
  const now = clock.now();
  const subject = {
    name: (names[0] ?? "").slice(0, 64),
    key: spkiOf(createPublicKey(key)),
    span: { from: now - backdate, until: now + hubHolds },
    serial: secretBytes(entropy, 16),
  };
  const cert = authority.serve(subject, names);
  const text = key.export({ type: "pkcs8", format: "pem" }).toString() + cert;
  await disk.replace(files.hub, Buffer.from(text), { secret: true });
}

interface Wanted {
  readonly names: readonly string[];
  readonly authority: Authority;
  readonly now: number;
}

function does(pem: string, { names, authority, now }: Wanted): boolean {
  const cert = new X509Certificate(pem);
  const from = Date.parse(cert.validFrom);
  const renewAt = from + ((Date.parse(cert.validTo) - from) * 2) / 3;
  if (now < from || now >= renewAt) return false;
  const named = names.every((name) => (isIPv4(name) ? cert.checkIP(name) : cert.checkHost(name)));
  return named && cert.verify(new X509Certificate(authority.cert).publicKey);
}

/** Whom agents must trust so that they believe the hub's certificate. @throws E_CONFIG */
function trustFor(cert: string, { trust }: EnrolOptions, authority: Authority): string {
  if (trust !== undefined) return fileOf("trust", trust);
  if (new X509Certificate(cert).verify(new X509Certificate(authority.cert).publicKey)) {
    return authority.cert;
  }
  const [last = ""] = (
    cert.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  ).slice(-1);
  const top = new X509Certificate(last);
  if (top.verify(top.publicKey)) return `${last}\n`;
  const why = "name the file with who signed `broker.tls.cert`: agents are told to trust that";
  throw new GatewayError("E_CONFIG", `broker.enroll.trust: ${why}`);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

function fileOf(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const why = `broker.enroll.${name}: ${path}: ${messageOf(cause)}`;
    throw new GatewayError("E_CONFIG", why, { cause });
  }
}

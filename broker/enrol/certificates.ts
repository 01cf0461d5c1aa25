/**
 * The hub's own authority: makes itself, reads requests for certificates, signs them [RFC 5280].
 * Certificates of agents carry a mark that says so: by their common name alone they are nobody, the
 * book of what was issued says whose they are (`book.ts`).
 */
import type { KeyObject } from "node:crypto";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  X509Certificate,
} from "node:crypto";
import { isIPv4 } from "node:net";
import { der, GatewayError, messageOf } from "../../telemetry/index.ts";

/** Certificate and private key, PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** From and until when a certificate holds. @unit ms since 1970-01-01 UTC */
export interface Span {
  readonly from: number;
  readonly until: number;
}

/** What a certificate says of its subject. */
export interface Subject {
  readonly name: string;
  /** Its public key, DER (SubjectPublicKeyInfo). */
  readonly key: Buffer;
  readonly span: Span;
  /** 16 bytes that no other certificate has. */
  readonly serial: Buffer;
}

/** URI that stands in the certificates of enrolled agents, before `region/org/site/agent`. */
export const agentMark = "urn:rackstreet:agent:";

const oids = {
  ecdsaSha256: "1.2.840.10045.4.3.2",
  rsaSha256: "1.2.840.113549.1.1.11",
  subjectKey: "2.5.29.14",
  keyUsage: "2.5.29.15",
  names: "2.5.29.17",
  basic: "2.5.29.19",
  authorityKey: "2.5.29.35",
  extendedUsage: "2.5.29.37",
  server: "1.3.6.1.5.5.7.3.1",
  client: "1.3.6.1.5.5.7.3.2",
} as const;

/** A list is made anew with each start of the hub. @unit ms */
const listHolds = 10 * 365 * 86_400_000;

/** The public key that a request is for; undefined: it is none, or not signed by that key. */
export function keyOfRequest(pem: string): Buffer | undefined {
  const bytes = der.fromPem("CERTIFICATE REQUEST", pem);
  const whole = bytes && der.readDer(bytes);
  if (whole?.bytes.length !== bytes?.length || whole?.tag !== der.tags.sequence) return undefined;
  const [wanted, , signature] = der.partsOf(whole) ?? [];
  const [, , key] = (wanted && der.partsOf(wanted)) ?? [];
  if (wanted === undefined || key === undefined || signature?.tag !== der.tags.bits) {
    return undefined;
  }
  try {
    const object = createPublicKey({ key: key.bytes, type: "spki", format: "der" });
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = object;
    if (type !== "ec" || details?.namedCurve !== "prime256v1") return undefined;
    const holds = verify("sha256", wanted.bytes, object, signature.content.subarray(1));
    // As OpenSSL writes it: a point has more than one spelling.
    return holds ? spkiOf(object) : undefined;
  } catch {
    return undefined;
  }
}

/** Signs certificates with the key of an authority. */
export class Authority {
  /** Its own certificate, PEM. */
  readonly cert: string;
  readonly #key: KeyObject;
  readonly #algorithm: Buffer;
  /** Its subject as it stands there, which must be the issuer of what it signs. */
  readonly #name: Buffer;
  readonly #keyId: Buffer;

  /** @throws E_CONFIG when they are no authority's, or do not belong together */
  constructor({ cert, key }: Pair) {
    try {
      const read = new X509Certificate(cert);
      this.cert = cert;
      this.#key = createPrivateKey(key);
      if (!read.ca) throw new Error("its certificate is not one of an authority (CA:TRUE)");
      if (!read.checkPrivateKey(this.#key)) throw new Error("certificate and key do not fit");
      const algorithm = algorithmOf(this.#key);
      if (algorithm === undefined) throw new Error("its key is neither RSA nor of P-256");
      this.#algorithm = algorithm;
      const [name, keyId] = identityOf(read);
      this.#name = name;
      this.#keyId = keyId;
    } catch (cause) {
      throw new GatewayError("E_CONFIG", `broker.enroll.ca: ${messageOf(cause)}`, { cause });
    }
  }

  /** A new one: certificate and key. */
  static make(name: string, span: Span, serial: Buffer): Pair {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const key = spkiOf(publicKey);
    const extensions = [
      extension(oids.basic, der.sequence(boolean(true), der.integer(Buffer.from([0]))), true),
      // keyCertSign and cRLSign
      extension(oids.keyUsage, der.value(der.tags.bits, Buffer.from([1, 0x06])), true),
      extension(oids.subjectKey, der.octets(keyIdOf(key))),
    ];
    const parts = { algorithm: der.sequence(der.oid(oids.ecdsaSha256)), key: privateKey };
    const subject = { name, key, span, serial };
    const signed = signedBy({ ...parts, name: der.commonName(name) }, subject, extensions);
    return { cert: signed, key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
  }

  /** The certificate of an agent; `place` is `region/org/site/agent`. */
  certify(subject: Subject, place: string): string {
    const mark = der.value(der.context(6, false), Buffer.from(agentMark + place));
    return this.#sign(subject, [mark], oids.client);
  }

  /** A certificate of the hub itself, for names and IPv4 addresses it is called by. */
  serve(subject: Subject, names: readonly string[]): string {
    const written = names.map((name) =>
      isIPv4(name)
        ? der.value(der.context(7, false), Buffer.from(name.split(".").map(Number)))
        : der.value(der.context(2, false), Buffer.from(name)),
    );
    return this.#sign(subject, written, oids.server);
  }

  /** A list without a revoked certificate: what is revoked stands in the book. @unit ms */
  emptyList(now: number): string {
    const list = der.sequence(
      this.#algorithm,
      this.#name,
      der.time(now - listHolds),
      der.time(now + listHolds),
    );
    const signature = der.bits(sign("sha256", list, this.#key));
    return der.pem("X509 CRL", der.sequence(list, this.#algorithm, signature));
  }

  #sign(subject: Subject, names: readonly Buffer[], use: string): string {
    const extensions = [
      extension(oids.basic, der.sequence(), true),
      // digitalSignature
      extension(oids.keyUsage, der.value(der.tags.bits, Buffer.from([7, 0x80])), true),
      extension(oids.extendedUsage, der.sequence(der.oid(use))),
      extension(oids.names, der.sequence(...names)),
      extension(oids.subjectKey, der.octets(keyIdOf(subject.key))),
      extension(oids.authorityKey, der.sequence(der.value(der.context(0, false), this.#keyId))),
    ];
    const parts = { algorithm: this.#algorithm, key: this.#key, name: this.#name };
    return signedBy(parts, subject, extensions);
  }
}

/** DER of a public key. */
export function spkiOf(key: KeyObject): Buffer {
  const exported = key.export({ type: "spki", format: "der" });
  if (typeof exported === "string") throw new GatewayError("E_BUG", "a key in DER is bytes");
  return exported;
}

/** SHA-256 of a certificate, as Node's and OpenSSL's `fingerprint`, in plain hexadecimal digits. */
export function fingerprintOf(cert: string): string {
  return plainFingerprint(new X509Certificate(cert).fingerprint256);
}

/** `AB:CD` → `abcd` */
export function plainFingerprint(text: string): string {
  return text.replaceAll(":", "").toLowerCase();
}

interface Issuer {
  readonly algorithm: Buffer;
  readonly key: KeyObject;
  readonly name: Buffer;
}

function signedBy(
  { algorithm, key, name }: Issuer,
  subject: Subject,
  extensions: readonly Buffer[],
): string {
  const certificate = der.sequence(
    der.value(der.context(0), der.integer(Buffer.from([2]))),
    der.integer(subject.serial),
    algorithm,
    name,
    der.sequence(der.time(subject.span.from), der.time(subject.span.until)),
    der.commonName(subject.name),
    subject.key,
    der.value(der.context(3), der.sequence(...extensions)),
  );
  const signature = sign("sha256", certificate, key);
  return der.pem("CERTIFICATE", der.sequence(certificate, algorithm, der.bits(signature)));
}

function extension(id: string, content: Buffer, critical = false): Buffer {
  const mark = critical ? [boolean(true)] : [];
  return der.sequence(der.oid(id), ...mark, der.octets(content));
}

function boolean(value: boolean): Buffer {
  return der.value(der.tags.boolean, Buffer.from([value ? 0xff : 0]));
}

function algorithmOf({ asymmetricKeyType: type }: KeyObject): Buffer | undefined {
  if (type === "ec") return der.sequence(der.oid(oids.ecdsaSha256));
  if (type !== "rsa") return undefined;
  return der.sequence(der.oid(oids.rsaSha256), der.value(0x05));
}

/** Usual, but any bytes of its own would do. */
function keyIdOf(key: Buffer): Buffer {
  return createHash("sha256").update(key).digest().subarray(0, 20);
}

/** Subject and key identifier as they stand in a certificate of an authority. */
function identityOf(certificate: X509Certificate): readonly [name: Buffer, keyId: Buffer] {
  const whole = der.readDer(certificate.raw);
  const [signed] = (whole && der.partsOf(whole)) ?? [];
  const parts = (signed && der.partsOf(signed)) ?? [];
  // [0] version, serial, algorithm, issuer, validity, subject [RFC 5280 §4.1]
  const name = parts[5];
  if (name === undefined) throw new Error("its certificate is of version 1");
  const last = parts.find(({ tag }) => tag === der.context(3));
  const list = last && der.partsOf(last)?.[0];
  const wanted = der.oid(oids.subjectKey);
  const found = ((list && der.partsOf(list)) ?? [])
    .map((one) => der.partsOf(one) ?? [])
    .find(([id]) => id?.bytes.equals(wanted) === true);
  const inner = found?.at(-1);
  const keyId = inner && der.readDer(inner.content)?.content;
  return [name.bytes, keyId ?? keyIdOf(spkiOf(certificate.publicKey))];
}

/**
 * The agent's certificate and private key in its folder. Key and certificate are one file, so that
 * they change together; the key of the next one waits in a file of its own until its certificate
 * has come, so that after a crash in between the same certificate is asked for again.
 *
 *   uplink.pem        key and certificate (mode 0600)
 *   uplink-next.pem   the key of a request under way (mode 0600)
 *   uplink-ca.pem     who signs the hub's certificate
 */
import { X509Certificate } from "node:crypto";
import type { Disk } from "../../telemetry/index.ts";
import { GatewayError, messageOf } from "../../telemetry/index.ts";
import { keyName, newKey } from "./request.ts";

export const identityFiles = {
  own: "uplink.pem",
  next: "uplink-next.pem",
  ca: "uplink-ca.pem",
} as const;

/** A certificate that is in use. @unit ms since 1970-01-01 UTC */
export interface Validity {
  readonly from: number;
  readonly until: number;
}

/** The private key of the request under way, PEM; undefined: there is none. */
export async function pendingKey(disk: Disk): Promise<string | undefined> {
  const [own, next] = [
    await disk.readAll(identityFiles.own),
    await disk.readAll(identityFiles.next),
  ];
  if (next === undefined || !isKey(text(next))) return undefined;
  // A crash right after its certificate came into use leaves it.
  return own !== undefined && text(own).startsWith(text(next)) ? undefined : text(next);
}

/** The same, made where there is none. */
export async function nextKey(disk: Disk): Promise<string> {
  const there = await pendingKey(disk);
  if (there !== undefined) return there;
  const key = newKey();
  await disk.replace(identityFiles.next, Buffer.from(key), { secret: true });
  return key;
}

/**
 * Takes a certificate into use that came for the key under way.
 * @throws E_CERTIFICATE when it is not for that key
 */
export async function takeCertificate(
  disk: Disk,
  key: string,
  { certificate, ca }: { readonly certificate: string; readonly ca: string },
): Promise<Validity> {
  let read: X509Certificate;
  try {
    read = new X509Certificate(certificate);
    if (keyName(key) !== keyName(read.publicKey.export({ type: "spki", format: "pem" }).toString()))
      throw new Error("it is for another key");
    // It says who is to be trusted from now on: what is no certificate must not be kept.
    void new X509Certificate(ca);
  } catch (cause) {
    const why = `the hub's answer is no certificate of ours: ${messageOf(cause)}`;
    throw new GatewayError("E_CERTIFICATE", why, { cause });
  }
  await disk.replace(identityFiles.ca, Buffer.from(ca));
  await disk.replace(identityFiles.own, Buffer.from(key + certificate), { secret: true });
  await disk.remove(identityFiles.next);
  return validityOf(read);
}

/** Undefined: the agent has none, or it cannot be read. */
export async function ownValidity(disk: Disk): Promise<Validity | undefined> {
  const there = await disk.readAll(identityFiles.own);
  try {
    return there && validityOf(new X509Certificate(text(there)));
  } catch {
    return undefined;
  }
}

function validityOf({ validFrom, validTo }: X509Certificate): Validity {
  return { from: Date.parse(validFrom), until: Date.parse(validTo) };
}

function isKey(pem: string): boolean {
  try {
    return keyName(pem) !== "";
  } catch {
    return false;
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

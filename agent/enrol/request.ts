/**
 * A key pair of the agent's own, and the request for a certificate that goes with it [RFC 2986].
 * The key is of P-256: small on the wire, and known to every TLS library.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
} from "node:crypto";
import { der, GatewayError } from "../../telemetry/index.ts";

/** A new private key, PEM: a fraction of a ms. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** SHA-256 of a key's public half, by which an answer is known. */
export function keyName(key: string): string {
  return createHash("sha256").update(publicPart(key)).digest("hex");
}

/** The request of an agent for a certificate, PEM. */
export function requestFor(agent: string, key: string): string {
  const wanted = der.sequence(
    der.integer(Buffer.from([0])),
    der.commonName(agent),
    publicPart(key),
    der.value(der.context(0)),
  );
  const signature = sign("sha256", wanted, createPrivateKey(key));
  const algorithm = der.sequence(der.oid("1.2.840.10045.4.3.2"));
  const request = der.sequence(wanted, algorithm, der.bits(signature));
  return der.pem("CERTIFICATE REQUEST", request);
}

function publicPart(key: string): Buffer {
  const exported = createPublicKey(key).export({ type: "spki", format: "der" });
  if (typeof exported === "string") throw new GatewayError("E_BUG", "a key in DER is bytes");
  return exported;
}

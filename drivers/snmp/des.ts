/**
 * CBC-DES of SNMPv3 (RFC 3414 8.1.1), for agents that know nothing better. Today's OpenSSL has no
 * DES of its own, but triple DES, which with the same key thrice is the same cipher.
 */
import { createCipheriv, createDecipheriv, randomFillSync } from "node:crypto";

const blockBytes = 8;

/** @param key of the user at the engine: DES key and the beginning of the vector, 16 octets */
export function desEncrypt(
  plain: Uint8Array,
  key: Uint8Array,
): { readonly encryptedPdu: Buffer; readonly msgPrivacyParameters: Buffer } {
  const salt = randomFillSync(Buffer.alloc(blockBytes));
  const padded = Buffer.alloc(Math.ceil(plain.length / blockBytes) * blockBytes);
  padded.set(plain);
  const cipher = createCipheriv("des-ede3-cbc", tripled(key), vectorOf(key, salt));
  cipher.setAutoPadding(false);
  const encryptedPdu = Buffer.concat([cipher.update(padded), cipher.final()]);
  return { encryptedPdu, msgPrivacyParameters: salt };
}

/** @throws Error for what is no whole number of blocks, or a salt of another length */
export function desDecrypt(encrypted: Uint8Array, key: Uint8Array, salt: Uint8Array): Buffer {
  const decipher = createDecipheriv("des-ede3-cbc", tripled(key), vectorOf(key, salt));
  decipher.setAutoPadding(false);
  return Buffer.concat([decipher.update(encrypted), decipher.final()]);
}

function tripled(key: Uint8Array): Buffer {
  const single = key.subarray(0, blockBytes);
  return Buffer.concat([single, single, single]);
}

function vectorOf(key: Uint8Array, salt: Uint8Array): Uint8Array {
  return Uint8Array.from(salt, (byte, at) => byte ^ (key[blockBytes + at] ?? 0));
}

/** Slow hashes: their form, RFC 7914's own vector, and how many are checked at once. */
import { describe, expect, it } from "vitest";
import { hashPassword, parsePasswordHash, PasswordChecks } from "../../broker/passwords.ts";
import type { PasswordHash } from "../../broker/passwords.ts";
import { realPlatform } from "./platform.ts";

const { entropy } = realPlatform;

/** [RFC 7914 12]: "pleaseletmein", "SodiumChloride", N 16384, r 8, p 1. */
const derived =
  "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2" +
  "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887";
const [salt, hash] = [Buffer.from("SodiumChloride"), Buffer.from(derived, "hex")].map((bytes) =>
  bytes.toString("base64").replace(/=+$/, ""),
);
const vector = `$scrypt$ln=14,r=8,p=1$${salt}$${hash}`;

function parsed(text: string): PasswordHash {
  const hash = parsePasswordHash(text);
  if (hash === undefined) throw new Error(`no hash: ${text}`);
  return hash;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe("a password's hash", () => {
  it("is that of the standard [RFC 7914]", async () => {
    const checks = new PasswordChecks(entropy);
    expect(await checks.check(bytes("pleaseletmein"), parsed(vector))).toBe(true);
    expect(await checks.check(bytes("pleaseletmeIn"), parsed(vector))).toBe(false);
  });

  it("holds for its password alone, each with a salt of its own", async () => {
    const [one, other] = [
      await hashPassword("correct horse", entropy),
      await hashPassword("correct horse", entropy),
    ];
    expect(one).not.toBe(other);
    const checks = new PasswordChecks(entropy);
    expect(await checks.check(bytes("correct horse"), parsed(one))).toBe(true);
    expect(await checks.check(bytes("correct horse"), parsed(other))).toBe(true);
    expect(await checks.check(bytes("wrong horse"), parsed(one))).toBe(false);
    expect(await checks.check(bytes(""), parsed(one))).toBe(false);
  });

  it("is refused in any other form, and where it asks for too much", () => {
    for (const text of [
      "",
      "secret",
      "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA",
      vector.replace("ln=14", "ln=9"),
      vector.replace("ln=14", "ln=21"),
      vector.replace("ln=14,r=8", "ln=20,r=16"),
      vector.replace("p=1", "p=99"),
      vector.slice(0, 50),
      `${vector}\n`,
    ]) {
      expect(parsePasswordHash(text), text).toBeUndefined();
    }
  });

  it("is checked a few at a time; who comes when too many wait is told so", async () => {
    const checks = new PasswordChecks(entropy);
    // The cheapest there is: how many wait is the question.
    const hash = parsed(vector.replace("ln=14", "ln=10"));
    const all = Array.from({ length: 260 }, (_, at) => checks.check(bytes(`guess ${at}`), hash));
    const busy = (await Promise.all(all)).filter((right) => right === undefined);
    expect(busy.length).toBe(58);
    expect(await checks.check(bytes("guess"), hash)).toBe(false);
  });
});

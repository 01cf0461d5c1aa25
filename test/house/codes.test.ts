/**
 * The table of error codes is complete and lived in: each code is thrown somewhere, each code
 * named anywhere is in the table. (`fresh.test.ts` holds the reference page against the table.)
 */
import { expect, it } from "vitest";
import { codes } from "../../telemetry/index.ts";
import { product, sources } from "./tree.ts";

const known = Object.keys(codes);
const pattern = /\bE_[A-Z][A-Z0-9_]*[A-Z0-9]\b/g;

/** Codes that nothing throws yet. This list only shrinks. */
const waiting: readonly string[] = ["E_RULE"];

it("every code of the table is used in the product", () => {
  const users = product.filter(({ path }) => path !== "telemetry/codes.ts");
  const used = new Set(users.flatMap(({ code }) => code.match(pattern) ?? []));
  expect(known.filter((code) => !used.has(code) && !waiting.includes(code))).toEqual([]);
  expect(
    waiting.filter((code) => used.has(code)),
    "no longer waiting",
  ).toEqual([]);
});

it("every code named in code or comment is in the table", () => {
  // Tests may invent one, to show that it is refused.
  const strange = sources
    .filter(({ room }) => room !== "test")
    .flatMap(({ path, text }) =>
      (text.match(pattern) ?? [])
        .filter((code) => !known.includes(code))
        .map((code) => `${path}: ${code}`),
    );
  expect(strange).toEqual([]);
});

/**
 * A standard's clause that the code cites, as in `[MODBUS-RTU 2.5.1.1]`, is cited by a test too:
 * the two marks together say where the clause is obeyed and where that is proved.
 */
import { expect, it } from "vitest";
import { product, sources } from "./tree.ts";

/** `[STANDARD 1.2.3]`, `[RFC 3416 §4.2.3]`, `[MQTT-3.1.4-2]`, `[EASTRON-SDM630 p.7]`. */
const mark = /\[(?:[A-Z][A-Z0-9]+(?:-[A-Z0-9.]+)*)(?: [^\]\n]*\d[^\]\n]*|-\d[\w.-]*)\]/g;

/** Clauses cited without a test of their own. This list only shrinks. */
const unproved: readonly string[] = [
  "[MODBUS-AP 4.1]",
  "[MODBUS-AP 4.3]",
  "[MODBUS-RTU 2.1]",
  "[MODBUS-TCP 4.3.1]",
];

it("a clause cited in the product is cited in a test", () => {
  const cited = new Set(product.flatMap(({ comments }) => comments.flatMap(marksIn)));
  const tests = sources.filter(({ room, path }) => room === "test" && !path.includes("/house/"));
  const proved = new Set(tests.flatMap(({ text }) => marksIn(text)));
  const missing = [...cited].filter((clause) => !proved.has(clause)).toSorted();
  expect(missing.filter((clause) => !unproved.includes(clause))).toEqual([]);
  expect(
    unproved.filter((clause) => !missing.includes(clause)),
    "proved by now",
  ).toEqual([]);
});

/** One mark may name several clauses: `[MODBUS-AP 6.1, 6.3]` is two. */
function marksIn(text: string): string[] {
  return (text.match(mark) ?? []).flatMap((found) => {
    const [standard = "", ...clauses] = found.slice(1, -1).split(/(?<=^\S+) |, /);
    return clauses.length === 0 ? [found] : clauses.map((clause) => `[${standard} ${clause}]`);
  });
}

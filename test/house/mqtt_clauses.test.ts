/** Each clause of MQTT 3.1.1 that binds a server is proved by a test, or waived with a reason. */
import { expect, it } from "vitest";
import { cited, proven } from "../broker/clauses/proofs.ts";

it("each clause has a test or a reason why not, and not both", () => {
  const wrong = proven.filter(({ binds, tests, waived }) => {
    const isProved = tests.length > 0;
    return binds === "client" ? waived === undefined : isProved === (waived !== undefined);
  });
  expect(wrong.map(({ id }) => id)).toEqual([]);
});

it("the table has each clause of Appendix B once, in its order", () => {
  const ids = proven.map(({ id }) => id);
  expect(ids.length).toBe(141);
  expect(new Set(ids).size).toBe(141);
  const parts = (id: string): number[] => (id.match(/\d+/g) ?? []).map(Number);
  const inOrder = ids.toSorted((a, b) => {
    const [left, right] = [parts(a), parts(b)];
    const at = left.findIndex((part, index) => part !== right[index]);
    return (left[at] ?? 0) - (right[at] ?? 0);
  });
  expect(ids).toEqual(inOrder);
});

it("a clause that is cited is in the table", () => {
  const known = new Set(proven.map(({ id }) => id));
  expect(cited.filter((id) => !known.has(id))).toEqual([]);
});

/** Two readings of one device never have the same moment: in the store they would be one row. */
import { expect, test } from "vitest";
import { momentAfter } from "../../agent/index.ts";

test("readings of one ms are moved on; a clock that jumps back is believed", () => {
  const given = [1000, 1000, 1000, 1001, 1002, 1003, 1020, 500];
  const moments: number[] = [];
  for (const answered of given) moments.push(momentAfter(moments.at(-1), answered));
  expect(moments).toEqual([1000, 1001, 1002, 1003, 1004, 1005, 1020, 500]);
});

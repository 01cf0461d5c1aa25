/** What a copy shows while it runs. */
import { expect, test } from "vitest";
import { progressText } from "../../cli/commands/store-copy.ts";

test("how much, how fast, how long still, and what was refused", () => {
  const progress = { measurement: "rack_power", rows: 120_000, rowsPerSecond: 41_234.5 };
  expect(progressText({ ...progress, left: undefined, refused: 0 })).toBe(
    "rack_power · 120,000 rows · 41,235 rows/s",
  );
  expect(progressText({ ...progress, left: 180_000, refused: 2 })).toBe(
    "rack_power · 120,000 rows · 41,235 rows/s · at most 3 min left · 2 refused",
  );
});

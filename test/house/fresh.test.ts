/** Every generated file is what `npm run gen` would write now. */
import { expect, it } from "vitest";
import { stale } from "../../tools/gen.ts";

it("generated files are fresh", async () => {
  expect(await stale(), "run: npm run gen").toEqual([]);
});

/** The laws of delivery over many seeded voyages, and over every seed that once broke one. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { sail } from "./voyage.ts";

/** In CI 1,000 seeds; `npm run -s voyage -- --seeds N` sails as many as one likes. */
const seeds = process.env["CI"] === "true" ? 1000 : 100;
const perTest = 50;

const kept = readFileSync(new URL("./seeds.txt", import.meta.url), "utf8")
  .split("\n")
  .flatMap((line) => (/^\d+/.test(line) ? [Number.parseInt(line, 10)] : []));

describe("no batch that was spooled is lost, none is invented", () => {
  test.for(kept)("seed %i, which once broke a law", async (seed) => {
    const { broken } = await sail(seed);
    expect(broken, `npm run -s voyage -- --from ${seed} --seeds 1`).toEqual([]);
  });

  const starts = Array.from({ length: seeds / perTest }, (_, index) => 1 + index * perTest);
  test.for(starts)("50 seeds from %i", { timeout: 120_000 }, async (from) => {
    for (let seed = from; seed < from + perTest; seed += 1) {
      const { broken } = await sail(seed);
      expect(broken, `npm run -s voyage -- --from ${seed} --seeds 1`).toEqual([]);
    }
  });

  test("the same seed gives the same voyage", async () => {
    expect(await sail(7)).toEqual(await sail(7));
  });

  test("a voyage has crashes and spooled batches in it", async () => {
    const { crashes, spooled, ledger } = await sail(1);
    expect(crashes).toBeGreaterThan(3);
    expect(spooled).toBeGreaterThan(100);
    expect(ledger?.stored).toBeGreaterThan(100);
  });
});

/** The laws of delivery over many seeded voyages, and over every seed that once broke one. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { sailFleet } from "./fleet.ts";
import type { VoyageResult } from "./voyage.ts";
import { sail } from "./voyage.ts";

/** In CI 1,000 seeds; `npm run -s voyage -- --seeds N` sails as many as one likes. */
const seeds = process.env["CI"] === "true" ? 1000 : 100;

const kept = readFileSync(new URL("./seeds.txt", import.meta.url), "utf8")
  .split("\n")
  .flatMap((line) => (/^\d+/.test(line) ? [Number.parseInt(line, 10)] : []));

test.for(kept)("seed %i, which once broke a law", async (seed) => {
  const { broken } = await sail(seed);
  expect(broken, `npm run -s voyage -- --from ${seed} --seeds 1`).toEqual([]);
});

test(`${seeds} voyages in which every law holds`, { timeout: 600_000 }, async () => {
  const results: VoyageResult[] = [];
  const arrived = (result: VoyageResult): void => void results.push(result);
  await sailFleet({ from: 1, seeds, jobs: availableParallelism(), arrived });
  const failing = results.filter(({ broken }) => broken.length > 0);
  expect(failing.map(({ seed, broken }) => `seed ${seed}: ${broken.join("; ")}`)).toEqual([]);
  expect(results).toHaveLength(seeds);
  const sum = (of: (result: VoyageResult) => number): number =>
    results.reduce((all, result) => all + of(result), 0);
  expect(sum(({ crashes }) => crashes)).toBeGreaterThan(2 * seeds);
  expect(sum(({ spooled }) => spooled)).toBeGreaterThan(100 * seeds);
  expect(sum(({ ledger }) => ledger?.stored ?? 0)).toBeGreaterThan(100 * seeds);
  expect(sum(({ shed }) => shed)).toBeGreaterThan(0);
  expect(sum(({ broker }) => (broker ? 1 : 0))).toBe(seeds / 5);
});

test("the same seed gives the same voyage", async () => {
  for (const seed of [7, 8, 9]) expect(await sail(seed)).toEqual(await sail(seed));
});

test("also through the product's broker and link", async () => {
  for (const seed of [5, 10, 340]) {
    const first = await sail(seed);
    expect(first.broker).toBe(true);
    expect(await sail(seed)).toEqual(first);
  }
});

/**
 * Each law can be broken: a small deliberate mistake, in the world or in the product, is caught
 * within a few voyages, by the law that it breaks.
 */
import { afterEach, expect, test, vi } from "vitest";
import { Shelf } from "../../agent/shelf.ts";
import { Ingest } from "../../broker/index.ts";
import type { Flaw } from "./voyage.ts";
import { sail } from "./voyage.ts";

/** Voyages within which each must be found. */
const within = 150;

const inTheWorld: readonly (readonly [what: string, flaw: Flaw, law: RegExp])[] = [
  ["the disk says synced and is not", "sync", /^law 4: \d+ missing/],
  ["the store says yes and forgets a line", "yes", /^law 4: \d+ missing/],
  ["a file is larger than it was asked to be", "size", /^law 2: the spool uses/],
  ["messages of one connection overtake each other", "overtake", /^law 3/],
  ["a value is altered on its way", "value", /^law 5: .* never gave/],
  ["a batch is stored at two times", "twice", /^law 5: reading \d+ is stored twice/],
  ["alerts forget when the hub dies", "forget", /^law 6: .* fired twice/],
];

const inTheProduct: readonly (readonly [what: string, make: () => void, law: RegExp])[] = [
  [
    "what was not pending counts as stored",
    () => {
      const { settle } = Shelf.prototype;
      vi.spyOn(Shelf.prototype, "settle").mockImplementation(function (this: Shelf, range) {
        return settle.call(this, range) + (range[1] % 50 === 0 ? 1 : 0);
      });
    },
    /^law 1: the agent's ledger/,
  ],
  [
    "what is settled is forgotten before it is stored",
    () => {
      const { read } = Shelf.prototype;
      vi.spyOn(Shelf.prototype, "read").mockImplementation(function (this: Shelf, from, visit) {
        return read.call(this, from, (record) => record.seq % 50 === 0 || visit(record));
      });
    },
    /^law 4: \d+ still queued/,
  ],
  [
    "what is being written is not counted as queued",
    () => {
      const counts = Object.getOwnPropertyDescriptor(Ingest.prototype, "counts");
      vi.spyOn(Ingest.prototype, "counts", "get").mockImplementation(function (this: Ingest) {
        return { ...counts?.get?.call(this), queued: 0 };
      });
    },
    /^law 1: the hub's counts/,
  ],
];

afterEach(() => {
  vi.restoreAllMocks();
});

test.for(inTheWorld)("%s", async ([, flaw, law]) => {
  expect(await found(law, flaw)).toBeLessThanOrEqual(within);
});

test.for(inTheProduct)("%s", async ([, make, law]) => {
  make();
  expect(await found(law)).toBeLessThanOrEqual(within);
});

/** After how many voyages the law is found broken. */
async function found(law: RegExp, flaw?: Flaw): Promise<number> {
  for (let seed = 1; seed <= within; seed += 1) {
    const { broken } = await sail(seed, flaw);
    if (broken.some((what) => law.test(what))) return seed;
  }
  return Number.POSITIVE_INFINITY;
}

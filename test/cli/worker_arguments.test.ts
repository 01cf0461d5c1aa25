/** How the command line says which of the processes that only store this one is. */
import { describe, expect, it } from "vitest";
import { refuseWorkers, workerArguments } from "../../cli/worker-arguments.ts";

const none = { part: undefined, group: undefined, worker: undefined };

describe("the arguments of --ingest-only", () => {
  it.each([
    [
      { ...none, part: "2/3" },
      { name: "2-of-3", share: { part: 2, of: 3 } },
    ],
    [
      { ...none, part: "1/1", worker: "a" },
      { name: "a", share: { part: 1, of: 1 } },
    ],
    [
      { ...none, group: "g", worker: "a" },
      { name: "a", share: { group: "g" } },
    ],
    [none, { name: "all", share: undefined }],
  ])("%j", (given, wanted) => {
    expect(workerArguments(given)).toEqual(wanted);
  });

  it.each([
    [{ ...none, part: "4/3" }, /--part 4\/3/],
    [{ ...none, part: "0/3" }, /--part 0\/3/],
    [{ ...none, part: "x" }, /--part x/],
    [{ ...none, part: "1/2", group: "g" }, /--part or --group/],
    [{ ...none, group: "g" }, /--group needs --worker/],
    [{ ...none, group: "a/b", worker: "a" }, /--group a\/b/],
    [{ ...none, worker: "../x" }, /--worker/],
  ])("%j is refused", (given, why) => {
    expect(() => workerArguments(given)).toThrow(why);
  });

  it("are none of a whole hub's", () => {
    expect(() => refuseWorkers({ ...none, worker: "a" })).toThrow(/--worker is for --ingest-only/);
    expect(() => refuseWorkers(none)).not.toThrow();
  });
});

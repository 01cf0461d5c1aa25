import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { PlainReporter } from "./tools/plain-reporter.ts";

/** As in the executable: see tools/build.ts. */
const execArgv = ["--no-memory-protection-keys"];

/** Many tests wait for programs that they started: a worker a core leaves none idle. */
const maxWorkers = Math.max(2, availableParallelism());

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers,
    execArgv,
    reporters: ["default", new PlainReporter()],
  },
});

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { PlainReporter } from "./tools/plain-reporter.ts";

/** As in the executable: see tools/build.ts. */
const execArgv = ["--no-memory-protection-keys"];

/** Many tests wait for programs that they started: a worker a core leaves none idle. */
const maxWorkers = Math.max(2, availableParallelism());

/**
 * Programs that tests start from the sources find them stripped and compiled: a command starts in a
 * third of the time.
 */
const env = { NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules/.cache/compiled") };

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers,
    execArgv,
    env,
    reporters: ["default", new PlainReporter()],
  },
});

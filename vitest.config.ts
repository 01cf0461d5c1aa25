import { defineConfig } from "vitest/config";
import { PlainReporter } from "./tools/plain-reporter.ts";

/** As in the executable: see tools/build.ts. */
const execArgv = ["--no-memory-protection-keys"];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    execArgv,
    reporters: ["default", new PlainReporter()],
  },
});

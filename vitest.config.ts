import { defineConfig } from "vitest/config";
import { PlainReporter } from "./tools/plain-reporter.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    reporters: ["default", new PlainReporter()],
  },
});

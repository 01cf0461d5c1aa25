/**
 * Ends a test run with one plain line, `N passed, N failed, N skipped`, so that any CI can count
 * without knowing vitest. A file that does not load, or an error outside a test, counts as failed.
 */
import type { Reporter, TestModule } from "vitest/node";

export class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) counts[test.result().state] += 1;
      const broken = module.state() === "failed" && !tests.some(isFailed);
      if (broken) counts.failed += 1;
    }
    const { passed, failed, skipped, pending } = counts;
    // The other reporters write first; `pending` is what a stopped run never reached.
    process.on("exit", () => {
      process.stdout.write(`${passed} passed, ${failed + pending} failed, ${skipped} skipped\n`);
    });
  }
}

function isFailed(test: { result(): { readonly state: string } }): boolean {
  return test.result().state === "failed";
}

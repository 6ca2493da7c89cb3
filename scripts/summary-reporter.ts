/** Ends a test run with one plain line, `N passed, N failed, N skipped`, and names what was skipped and why. */
import type { Reporter, TestModule } from 'vitest/node';

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      if (module.errors().length > 0) counts.failed++;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'pending') continue;
        counts[result.state]++;
        if (result.state === 'skipped')
          console.log(`skipped: ${test.fullName}${result.note ? `: ${result.note}` : ''}`);
      }
    }
    console.log(
      `${counts.passed} passed, ${counts.failed + errors.length} failed, ${counts.skipped} skipped`,
    );
  }
}

/** Ends a test run with one plain line, `N passed, N failed, N skipped`, and names what was skipped, failed or flaky, and why. */
import { stripVTControlCharacters } from 'node:util';
import type { Reporter, TestModule } from 'vitest/node';

/** Of a log that is cut short, the end is what remains: a failure's message and place are repeated there. */
const LINES_OF_A_FAILURE = 12;

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
        if (result.state === 'passed' && test.diagnostic()?.flaky)
          console.log(
            `flaky: ${module.relativeModuleId} > ${test.fullName}: passed at its second try, before that ${described(result.errors ?? [])}`,
          );
        if (result.state === 'failed')
          console.log(`failed: ${module.relativeModuleId} > ${test.fullName}: ${described(result.errors)}`);
      }
    }
    console.log(
      `${counts.passed} passed, ${counts.failed + errors.length} failed, ${counts.skipped} skipped`,
    );
  }
}

function described(errors: readonly { message: string; stack?: string }[]): string {
  return errors
    .map(({ message, stack }) =>
      stripVTControlCharacters(`${message}\n${stack ?? ''}`)
        .split('\n')
        .slice(0, LINES_OF_A_FAILURE)
        .join('\n  '),
    )
    .join('\n');
}

import { defineConfig } from 'vitest/config';
import { fileOf, onBoth } from './tests/e2e/support/where-files-run.ts';

/** Where it decides about a whole submission: the summary names what passed at its second try, a bug to mend. */
const retry = process.env.CI ? 1 : 0;

/**
 * Five kinds of tests: `unit` runs anywhere, without root, beside the code; `root` makes namespaces, sends
 * packets and loads BPF programs, one file at a time; `real` brings up a
 * cluster of Kubernetes' own programs; `scenarios` runs those end-to-end files of `root` on it that are about the network;
 * `fuzz` runs long, on request.
 */
export default defineConfig({
  test: {
    pool: 'forks',
    reporters: ['default', './scripts/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'tests/*.test.ts',
            'tests/scenarios/**/*.test.ts',
            'tests/real/**/*.test.ts',
          ],
          exclude: ['{src,tests}/**/*.{root,real}.test.ts'],
          retry,
          setupFiles: ['tests/support/patience.ts'],
          // Only what hangs takes as long, also where a dozen programs share a core.
          testTimeout: 30_000,
          hookTimeout: 30_000,
          expect: { poll: { timeout: 20_000 } },
        },
      },
      {
        test: {
          name: 'root',
          retry,
          include: [
            'src/**/*.root.test.ts',
            'tests/e2e/**/*.test.ts',
            'tests/scenarios/**/*.root.test.ts',
            'bpf/tests/**/*.test.ts',
            'native/**/*.root.test.ts',
          ],
          fileParallelism: false,
          setupFiles: ['tests/support/patience.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 20_000 } },
        },
      },
      {
        test: {
          name: 'real',
          retry,
          include: ['tests/real/**/*.real.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'scenarios',
          include: onBoth.map(fileOf),
          env: { TENDRIL_TEST_CLUSTER: 'real' },
          globalSetup: ['tests/real/scenarios/setup.ts'],
          fileParallelism: false,
          setupFiles: ['tests/support/patience.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          expect: { poll: { timeout: 60_000 } },
        },
      },
      {
        test: {
          name: 'fuzz',
          include: ['tests/fuzz/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 600_000,
        },
      },
    ],
  },
});

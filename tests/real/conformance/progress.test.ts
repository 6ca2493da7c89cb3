/** What is read from ginkgo's output while Kubernetes' specs run. */
import { expect, test } from 'vitest';
import { createProgress, type EndedSpec } from './progress.ts';

function progressOf(text: string): EndedSpec[] {
  const all: EndedSpec[] = [];
  const take = createProgress((spec) => all.push(spec));
  for (const line of text.split('\n')) take(line);
  return all;
}

test('a spec is told with its name, its time and whether it failed', () => {
  const output = `
------------------------------
• [12.345 seconds]
[sig-network] Services should serve a basic endpoint from pods [Conformance]
k8s.io/kubernetes/test/e2e/network/service.go:733

  Captured StdOut/StdErr Output >>
------------------------------
• [FAILED] [300.001 seconds]
[sig-network] DNS [It] should provide DNS for the cluster [Conformance]
`;
  expect(progressOf(output)).toEqual([
    {
      name: '[sig-network] Services should serve a basic endpoint from pods [Conformance]',
      failed: false,
      seconds: 12.345,
    },
    {
      name: '[sig-network] DNS [It] should provide DNS for the cluster [Conformance]',
      failed: true,
      seconds: 300.001,
    },
  ]);
});

test('specs that are skipped and steps of the whole suite are not', () => {
  const output = `
S [SKIPPED] [0.123 seconds]
[sig-network] Services [It] should be on a cloud
[SynchronizedBeforeSuite] PASSED [3.4 seconds]
[SynchronizedBeforeSuite]
[ReportAfterSuite] PASSED [0.034 seconds]
`;
  expect(progressOf(output)).toEqual([]);
});

/** Jobs run to their end. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bringUp, type TestLab } from './support/lab.ts';

const job = (name: string, spec: string, command: string) => `
apiVersion: batch/v1
kind: Job
metadata: {name: ${name}}
spec:
  ${spec}
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: busybox, command: [sh, -c, '${command}']}]
`;

let lab: TestLab;

beforeAll(async () => {
  lab = await bringUp({ args: ['--nodes', '1'] });
});

afterAll(() => lab?.down());

async function apply(manifest: string): Promise<void> {
  const { code, stderr } = await lab.tendril(['apply', '-f', '-'], { stdin: manifest });
  expect([code, stderr]).toEqual([0, '']);
}

test('each index runs once, under its own name, and the Job is complete', async () => {
  const spec = 'completionMode: Indexed\n  completions: 3\n  parallelism: 2';
  await apply(job('numbered', spec, 'echo $JOB_COMPLETION_INDEX $(hostname)'));
  const waited = await lab.kubectl('wait', '--for=condition=complete', '--timeout=30s', 'job/numbered');
  expect(waited.stdout).toContain('job.batch/numbered condition met');
  const { stdout } = await lab.kubectl(
    'get',
    'job',
    'numbered',
    '-o',
    'jsonpath={.status.succeeded} {.status.completedIndexes}',
  );
  expect(stdout).toBe('3 0-2');
  const logs = await lab.kubectl('logs', '-l', 'job-name=numbered', '--tail=-1');
  expect(logs.stdout.trim().split('\n').sort()).toEqual(['0 numbered-0', '1 numbered-1', '2 numbered-2']);
  await lab.kubectl('delete', 'job', 'numbered', '--wait');
  expect((await lab.kubectl('get', 'pods', '-o', 'name')).stdout).toBe('');
});

test('one that fails too often has failed', async () => {
  await apply(job('hopeless', 'backoffLimit: 0', 'exit 1'));
  const waited = await lab.kubectl('wait', '--for=condition=failed', '--timeout=30s', 'job/hopeless');
  expect(waited.stdout).toContain('condition met');
});

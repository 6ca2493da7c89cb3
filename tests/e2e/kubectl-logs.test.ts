/** kubectl logs in every way that it has, old and current. */
import { beforeAll, describe, expect, test } from 'vitest';
import { currentKubectl } from './support/go-programs.ts';
import { useKubectlLab } from './support/kubectl.ts';
import { kubectls, oneOfEach } from './support/kubectl-programs.ts';
import { until } from './support/until.ts';

const manifest = `
apiVersion: v1
kind: Pod
metadata: {name: two}
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: OnFailure
  initContainers: [{name: first, image: busybox, command: [echo, begun]}]
  containers:
    - name: tells
      image: busybox
      command: [sh, -c, 'echo one; echo wrong >&2; until [ -e /run/go ]; do sleep 0.05; done; echo two; exec sleep infinity']
    - {name: ends, image: busybox, command: [sh, -c, 'echo attempt; exit 1']}
---
apiVersion: v1
kind: Pod
metadata: {name: loud}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: ['yes', 'as much as it can']}]
`;

const timed = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z /;

describe.each(oneOfEach(currentKubectl(), kubectls()))('kubectl $version', (entry) => {
  const lab = useKubectlLab(entry);
  const logs = (...args: string[]) => lab.kubectl('logs', ...args);

  beforeAll(async () => {
    await lab.apply(manifest);
    await until('both lines', async () => {
      const { stdout } = await lab.attempt('logs', 'two', '-c', 'tells');
      return stdout.split('\n').length === 3;
    });
  });

  test('--timestamps, and what was said since one of them', async () => {
    const lines = (await logs('two', '-c', 'tells', '--timestamps')).trim().split('\n');
    expect(lines.every((line) => timed.test(line))).toBe(true);
    expect(lines.map((line) => line.replace(timed, '')).sort()).toEqual(['one', 'wrong']);
    const saidMs = Date.parse(lines[0]!.split(' ')[0]!);
    await until('some seconds later', () => Date.now() > saidMs + 3000);
    await lab.kubectl('exec', 'two', '-c', 'tells', '--', 'touch', '/run/go');
    await until('the third', async () => (await logs('two', '-c', 'tells')).includes('two'));
    expect(await logs('two', '-c', 'tells', `--since-time=${new Date(saidMs + 2000).toISOString()}`)).toBe(
      'two\n',
    );
    expect(await logs('two', '-c', 'tells', '--since=1h')).toContain('one\n');
    expect(await logs('two', '-c', 'tells', '--since=1h', '--tail=1')).toBe('two\n');
    const at = Date.now();
    await until('it is long ago', () => Date.now() > at + 2000);
    expect(await logs('two', '-c', 'tells', '--since=1s')).toBe('');
  });

  test('--limit-bytes, --tail', async () => {
    expect(await logs('two', '-c', 'first', '--limit-bytes=3')).toBe('beg');
    expect(await logs('two', '-c', 'first', '--tail=0')).toBe('');
  });

  test('--all-containers --prefix', async () => {
    const lines = (await logs('two', '--all-containers', '--prefix')).trim().split('\n');
    expect(lines).toEqual(expect.arrayContaining(['[pod/two/first] begun', '[pod/two/tells] one', '[pod/two/ends] attempt'])); // biome-ignore format: one line
  });

  test('--previous', async () => {
    await until('it was started again', async () => {
      const { stdout } = await lab.attempt('logs', 'two', '-c', 'ends', '-p', '--timestamps');
      return timed.test(stdout) && stdout.endsWith(' attempt\n');
    });
  });

  test('of a container that writes as much as it can, while others are heard', async () => {
    const much = await logs('loud', '--tail=100000');
    expect(new Set(much.trim().split('\n'))).toEqual(new Set(['as much as it can']));
    using loud = lab.talk(['logs', '-f', 'loud']);
    await until('much', () => loud.text().length > 20 << 20);
    expect(await logs('two', '-c', 'first')).toBe('begun\n');
    expect(loud.text().replaceAll('as much as it can\n', '')).toMatch(/^[a-z ]{0,17}$/);
  });
});

/** Pods that take more than they may, in a whole lab: each gets what a real node gives it, and the others go on. */
import { expect, test } from 'vitest';
import { expectSameHost, hostSnapshot } from './support/host.ts';
import { bringUp, type TestLab } from './support/lab.ts';
import { must } from './support/tendril.ts';
import { until } from './support/until.ts';

const pod = (name: string, script: string, more = '', limits = '') => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  ${more}
  containers:
    - name: app
      image: busybox
      command: [sh, -c, ${JSON.stringify(script)}]
      resources: {limits: {${limits}}}
      ${more.includes('volumes') ? 'volumeMounts: [{name: v, mountPath: /v}]' : ''}
---`;

const manifest = [
  pod('bystander', 'exec sleep 100000', '', 'memory: 64Mi'),
  pod('bomb', 'b() { b | b & wait; }; while :; do b 2> /dev/null; done'),
  pod('hog', 'tail < /dev/zero', 'restartPolicy: Never', 'memory: 32Mi'),
  pod(
    'filler',
    'head -c 4M /dev/zero > /v/x; exec sleep 100000',
    'volumes: [{name: v, emptyDir: {sizeLimit: 1Mi}}]',
  ),
].join('');

interface Status {
  phase?: string;
  reason?: string;
  containerStatuses?: { state: { terminated?: { reason: string; exitCode: number } } }[];
}

async function statusOf(lab: TestLab, name: string): Promise<Status> {
  return JSON.parse(await must(lab.tendril(['get', 'pod', name, '-o', 'json']))).status;
}

test('a lab outlives its pods, and leaves no cgroup', { timeout: 180_000 }, async () => {
  const before = hostSnapshot();
  {
    await using lab = await bringUp({
      manifest,
      args: ['--nodes', '1', '--no-wait', '--pod-pids-limit', '200'],
    });
    await until('the hog and the filler have failed', async () => {
      const both = await Promise.all(['hog', 'filler'].map((name) => statusOf(lab, name)));
      return both.every(({ phase }) => phase === 'Failed');
    });
    const hog = (await statusOf(lab, 'hog')).containerStatuses?.[0]?.state.terminated;
    const { notEnforced } = JSON.parse((await lab.tendril(['status', '-o', 'json'])).stdout);
    // Where the machine has no means, it says so.
    if (!notEnforced.some((text: string) => text.startsWith('limits of memory')))
      expect(hog).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
    expect((await statusOf(lab, 'filler')).reason).toBe('Evicted');
    expect(await lab.exec(['bystander'], 'echo', 'well')).toBe('well\n');
    await must(lab.tendril(['delete', 'pod', 'bomb']));
  }
  await expectSameHost(before);
});

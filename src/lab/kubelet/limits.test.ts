/** What a kubelet does about limits, over fakes. The kernel's part: limits.root.test.ts */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Container } from '../../kube/types.ts';
import { KubeletFixture } from './lab-fixture.ts';

let lab: KubeletFixture;
beforeEach(async () => {
  lab = await new KubeletFixture().start();
});
afterEach(() => lab.stop());

const limited = (limits: Record<string, string>, more: Partial<Container> = {}): Container => ({
  name: 'app',
  image: 'example/app',
  resources: { limits },
  ...more,
});

const groupsOf = (uid: string) =>
  [...lab.cgroups.limits].map(([path, limits]) => [path.slice(path.indexOf(uid)), limits]);

describe('memory', () => {
  test('a container is in groups with its limits, of its own for each attempt', async () => {
    const { metadata } = await lab.createPod({
      spec: { containers: [limited({ memory: '64Mi', cpu: '500m' })] },
    });
    await lab.until(async () => (await lab.running()).includes('app.0'));
    const memory = 64 * 2 ** 20;
    const pids = Number.POSITIVE_INFINITY;
    expect(groupsOf(metadata.uid)).toEqual([
      [metadata.uid, { pids: 1024, memory, cpu: 0.5 }],
      [`${metadata.uid}/app.0`, { pids, memory, cpu: 0.5 }],
    ]);
    const [spec] = lab.launcher.started;
    expect(spec!.cgroup).toMatch(new RegExp(`/node-1/pods/${metadata.uid}/app\\.0$`));
    expect(spec!.cgroups1).toEqual([`/memory${spec!.cgroup}`]);
    await lab.exit('app', 1);
    await lab.podInTime((p) => p.status?.containerStatuses?.[0]?.restartCount === 1);
    expect(groupsOf(metadata.uid).map(([path]) => path)).toEqual([metadata.uid, `${metadata.uid}/app.1`]);
  });

  test('a container that the kernel has killed a process of is OOMKilled, and restarts by policy', async () => {
    await lab.createPod({ spec: { containers: [limited({ memory: '64Mi' })] } });
    await lab.until(async () => (await lab.running()).includes('app.0'));
    lab.cgroups.killed.set('app.0', 1);
    await lab.exit('app', 137);
    const pod = await lab.podInTime((p) => p.status?.containerStatuses?.[0]?.restartCount === 1);
    expect(pod.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
      reason: 'OOMKilled',
      exitCode: 137,
    });
  });

  test('a container whose first process lives on ends all the same', async () => {
    await lab.createPod({ spec: { restartPolicy: 'Never', containers: [limited({ memory: '64Mi' })] } });
    await lab.podInTime((p) => p.status?.phase === 'Running');
    lab.cgroups.killed.set('app.0', 1);
    const pod = await lab.podInTime((p) => p.status?.phase === 'Failed');
    expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      reason: 'OOMKilled',
      exitCode: 137,
    });
  });

  test('one that cannot even start says what may be the reason', async () => {
    lab.cgroups.killed.set('app.0', 1);
    lab.launcher.onStart = () => {
      throw new Error('it was killed');
    };
    await lab.createPod({ spec: { restartPolicy: 'Never', containers: [limited({ memory: '1Ki' })] } });
    const pod = await lab.podThat((p) => p.status?.phase === 'Failed');
    expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      reason: 'StartError',
      message: 'it was killed: container init was OOM-killed (memory limit too low?)',
    });
  });

  test('groups go with the pod', async () => {
    await lab.createPod({
      spec: {
        restartPolicy: 'Never',
        shareProcessNamespace: true,
        containers: [limited({ memory: '64Mi' })],
      },
    });
    await lab.until(async () => (await lab.running()).includes('app.0'));
    expect(lab.cgroups.limits.size).toBe(3);
    await lab.exit('app', 0);
    await lab.until(() => lab.cgroups.limits.size === 0);
  });
});

describe('disk', () => {
  const fill = (uid: string, file: string) =>
    writeFile(join(lab.directory, 'pods', uid, file), Buffer.alloc(2 ** 20 + 1, 1));

  test('a pod whose emptyDir is over its limit is evicted, and gets one second', async () => {
    const { metadata } = await lab.createPod({
      spec: {
        terminationGracePeriodSeconds: 1000,
        volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }],
      },
    });
    await lab.podInTime((p) => p.status?.phase === 'Running');
    lab.launcher.endsOn = new Set([9]);
    await fill(metadata.uid, 'volumes/v/file');
    const pod = await lab.podInTime((p) => p.status?.containerStatuses?.[0]?.state?.terminated !== undefined);
    const message = 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ';
    expect(pod.status).toMatchObject({ phase: 'Failed', reason: 'Evicted', message });
    expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 137 });
    await lab.until(async () => (await lab.events()).includes(`Evicted: ${message}`));
    expect(lab.launcher.signals.map(({ signal }) => signal)).toEqual([15, 9]);
  });

  test('what a container writes to its root and its log counts', async () => {
    const { metadata } = await lab.createPod({
      spec: { containers: [limited({ 'ephemeral-storage': '1Mi' })] },
    });
    await lab.podInTime((p) => p.status?.phase === 'Running');
    await fill(metadata.uid, 'logs/app/0.log');
    const pod = await lab.podInTime((p) => p.status?.reason === 'Evicted');
    expect(pod.status?.message).toBe(
      'Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ',
    );
  });
});

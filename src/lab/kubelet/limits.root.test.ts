/** Pods that take more than they may, on this machine's kernel. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isNotFound } from '../../kube/client/api-error.ts';
import { resources } from '../../kube/resources.ts';
import type { Pod } from '../../kube/types.ts';
import { type Controller, everywhere } from '../../linux/cgroup/hierarchies.ts';
import { mountsBelow } from '../../linux/mount/mount-table.ts';
import { type MachineFixture, machineFixture } from './machine-fixture.ts';

let machine: MachineFixture;
let lab: MachineFixture['lab'];

beforeEach(async () => {
  machine = await machineFixture();
  lab = machine.lab;
});

afterEach(() => machine.stop());

const missing = (controller: Controller) =>
  machine.cgroups.missing.find((each) => each.controller === controller)?.reason;

const shell = (script: string, limits: Record<string, string> = {}) => ({
  name: 'app',
  image: 'busybox',
  command: ['sh', '-c', script],
  resources: { limits },
});

const stateOf = (pod: Pod) => pod.status?.containerStatuses?.[0];

/** What is left of pods' groups, in any hierarchy. */
function podGroups(): string[] {
  return everywhere(join(machine.cgroup, 'pods')).flatMap((path) => {
    try {
      return readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => join(path, name));
    } catch {
      return [];
    }
  });
}

async function deletePod(): Promise<void> {
  await lab.client.delete(resources.pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 });
  await lab.until(() => lab.pod().then(() => false, isNotFound));
  await lab.until(() => podGroups().length === 0);
}

test('a fork bomb stops at the pod’s limit; other pods start and stop meanwhile, and it goes as any pod', async ({
  skip,
}) => {
  skip(missing('pids') !== undefined, missing('pids'));
  // Each forks two more, for ever.
  const bomb = 'bomb() { bomb | bomb & wait; }; echo armed; while :; do bomb 2> /dev/null; done';
  const { metadata } = await lab.createPod({ spec: { containers: [shell(`(${bomb}) & wait`)] } });
  // Counted at the limit, or, by older kernels and version 1, where the fork was tried.
  const counters = ['', 'app.0'].flatMap((name) =>
    everywhere(join(machine.cgroup, 'pods', metadata.uid, name)).map((at) => join(at, 'pids.events')),
  );
  await lab.until(() => counters.some((file) => /^max [1-9]/m.test(readOrEmpty(file))));
  await lab.createPod({ name: 'other', spec: { restartPolicy: 'Never', containers: [shell('echo well')] } });
  await lab.podThat((p) => p.status?.phase === 'Succeeded', 'other');
  await deletePod();
}, 30_000);

test('a container over its limit of memory is OOMKilled as a whole, and restarts', async ({ skip }) => {
  skip(missing('memory') !== undefined, missing('memory'));
  // The first process is not the one that takes too much.
  const hog = 'echo begun; head -c 200M /dev/zero | tail | wc -c; echo survived; sleep 1000';
  await lab.createPod({ spec: { containers: [shell(hog, { memory: '32Mi' })] } });
  const pod = await lab.podThat((p) => stateOf(p)?.lastState?.terminated !== undefined);
  expect(stateOf(pod)?.lastState?.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
  await deletePod();
});

test('the limit of the pod as a whole holds for containers without one', async ({ skip }) => {
  skip(missing('memory') !== undefined, missing('memory'));
  await lab.createPod({
    spec: {
      restartPolicy: 'Never',
      resources: { limits: { memory: '32Mi' } },
      containers: [shell('exec tail < /dev/zero')],
    },
  });
  const pod = await lab.podThat((p) => p.status?.phase === 'Failed');
  expect(stateOf(pod)?.state?.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
});

test('a limit of memory that nothing can start with: the container says so', async ({ skip }) => {
  skip(missing('memory') !== undefined, missing('memory'));
  await lab.createPod({
    spec: { restartPolicy: 'Never', containers: [shell('exit 0', { memory: '40Ki' })] },
  });
  const pod = await lab.podThat((p) => p.status?.phase === 'Failed');
  expect(stateOf(pod)?.state?.terminated).toMatchObject({
    reason: 'StartError',
    message: expect.stringContaining('memory limit too low?'),
  });
});

test('a limit of CPU is the kernel’s quota', async ({ skip }) => {
  skip(missing('cpu') !== undefined, missing('cpu'));
  const { metadata } = await lab.createPod({ spec: { containers: [shell('sleep 1000', { cpu: '50m' })] } });
  await lab.podThat((p) => stateOf(p)?.state?.running !== undefined);
  const at = everywhere(join(machine.cgroup, 'pods', metadata.uid, 'app.0'));
  const quota = at.map((group) => readOrEmpty(join(group, 'cpu.cfs_quota_us'))).join('');
  expect([quota, readOrEmpty(join(at[0]!, 'cpu.max'))]).toContainEqual(
    expect.stringMatching(/^5000( 100000)?\n$/),
  );
});

test('a pod that fills its emptyDir is evicted', async () => {
  const fill = {
    ...shell('head -c 4M /dev/zero > /v/file; exec sleep 1000'),
    volumeMounts: [{ name: 'v', mountPath: '/v' }],
  };
  await lab.createPod({
    spec: { volumes: [{ name: 'v', emptyDir: { sizeLimit: '2Mi' } }], containers: [fill] },
  });
  const pod = await lab.podThat((p) => stateOf(p)?.state?.terminated !== undefined);
  expect(pod.status).toMatchObject({
    phase: 'Failed',
    reason: 'Evicted',
    message: 'Usage of EmptyDir volume "v" exceeds the limit "2Mi". ',
  });
});

test('a pod that writes too much to its own root is evicted', async () => {
  const fill = shell('head -c 4M /dev/zero > /var/file; exec sleep 1000', { 'ephemeral-storage': '2Mi' });
  await lab.createPod({ spec: { containers: [fill] } });
  const pod = await lab.podThat((p) => stateOf(p)?.state?.terminated !== undefined);
  expect(pod.status).toMatchObject({
    phase: 'Failed',
    reason: 'Evicted',
    message: 'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ',
  });
});

test('an emptyDir in memory is full at its limit, and goes with its pod', async () => {
  const fill = {
    ...shell('head -c 4M /dev/zero > /v/file; wc -c < /v/file; exec sleep 1000'),
    volumeMounts: [{ name: 'v', mountPath: '/v' }],
  };
  await lab.createPod({
    spec: {
      volumes: [{ name: 'v', emptyDir: { medium: 'Memory', sizeLimit: '2Mi' } }],
      containers: [fill],
    },
  });
  await lab.podThat((p) => stateOf(p)?.state?.running !== undefined);
  const log = () => text(lab.kubelet.openLog({ namespace: 'default', pod: 'web' }));
  await lab.until(async () => (await log()).includes('2097152\n'));
  await deletePod();
  expect(mountsBelow(join(machine.root, 'pods'))).toEqual([]);
});

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

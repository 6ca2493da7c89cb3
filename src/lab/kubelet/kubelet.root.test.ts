/** Pods in real namespaces and sandboxes; the API and CNI are fakes, and pods that must be reached share the node's network. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isNotFound } from '../../kube/client/api-error.ts';
import { resources } from '../../kube/resources.ts';
import type { Pod } from '../../kube/types.ts';
import { isReady } from './lab-fixture.ts';
import { type MachineFixture, machineFixture } from './machine-fixture.ts';

const isDone = (pod: Pod, container: string): boolean =>
  pod.status?.containerStatuses?.some(
    ({ name, state }) => name === container && state?.terminated?.exitCode === 0,
  ) ?? false;

let machine: MachineFixture;
let lab: MachineFixture['lab'];
let root: string;
let launcher: MachineFixture['launcher'];

beforeEach(async () => {
  machine = await machineFixture();
  ({ lab, root, launcher } = machine);
});

afterEach(() => machine.stop());

test('a container sees its name, files, environment and volumes, and its log can be read', async () => {
  const script = [
    'hostname; id -u; echo $GREETING; cat /etc/hostname; cat /v/note',
    'cat /var/run/secrets/kubernetes.io/serviceaccount/namespace; echo',
    'grep 10.244.1.5 /etc/hosts; grep ^options /etc/resolv.conf; echo last words > /dev/termination-log',
  ].join('\n');
  await lab.createPod({
    spec: {
      restartPolicy: 'Never',
      securityContext: { runAsUser: 1000 },
      volumes: [{ name: 'v', emptyDir: {} }],
      initContainers: [
        {
          name: 'prepare',
          image: 'busybox',
          command: ['sh', '-c', 'echo from init > /v/note'],
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        },
      ],
      containers: [
        {
          name: 'app',
          image: 'busybox',
          command: ['sh', '-c', script],
          env: [{ name: 'GREETING', value: 'hello' }],
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        },
      ],
    },
  });
  const pod = await lab.podThat((p) => p.status?.phase === 'Succeeded');
  const log = await text(lab.kubelet.openLog({ namespace: 'default', pod: 'web' }));
  expect(log.split('\n')).toEqual([
    'web',
    '1000',
    'hello',
    'web',
    'from init',
    'default',
    '10.244.1.5\tweb',
    'options ndots:5',
    '',
  ]);
  expect(pod.status?.containerStatuses?.[0]?.state?.terminated?.message).toBe('last words\n');
});

test('a stood-in server becomes Ready, is probed from the node, and ends when deleted', async () => {
  await lab.createPod({
    spec: {
      hostNetwork: true,
      containers: [
        {
          name: 'app',
          image: 'example/shop',
          ports: [{ containerPort: 8080 }],
          readinessProbe: { httpGet: { path: '/healthz', port: 8080 } },
          livenessProbe: { grpc: { port: 8081 } },
        },
      ],
    },
  });
  await lab.podThat(isReady);
  await lab.client.delete(resources.pods, { namespace: 'default', name: 'web' });
  await lab.until(() => lab.pod().then(() => false, isNotFound));
  expect(await launcher.list()).toEqual([]);
  await lab.until(async () => (await readdir(join(root, 'pods'))).length === 0);
});

test('twelve pods at once all become Ready', async () => {
  const names = Array.from({ length: 12 }, (_, i) => `web-${i}`);
  await Promise.all(names.map((name) => lab.createPod({ name })));
  await Promise.all(names.map((name) => lab.podThat(isReady, name)));
});

test('containers that share a PID namespace see each other, and none takes the others along', async () => {
  const app = (name: string, script: string) => ({ name, image: 'busybox', command: ['sh', '-c', script] });
  await lab.createPod({
    spec: {
      shareProcessNamespace: true,
      restartPolicy: 'OnFailure',
      containers: [
        app('short', 'exit 0'),
        app(
          'long',
          'until grep -qs "42[4]2" /proc/[0-9]*/cmdline; do sleep 0.05; done; tr "\\0" " " < /proc/1/cmdline; exec sleep 1d',
        ),
        app('seen', 'exec sleep 4242'),
      ],
    },
  });
  await lab.podThat((p) => isDone(p, 'short'));
  const log = () => text(lab.kubelet.openLog({ namespace: 'default', pod: 'web', container: 'long' }));
  await lab.until(async () => (await log()).includes('standin'));
  const names = (await launcher.list()).map((id) => id.split('.')[1]).sort();
  expect(names).toEqual(['POD', 'long', 'seen']);
  await lab.client.delete(resources.pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 1 });
  await lab.until(() => lab.pod().then(() => false, isNotFound));
  expect(await launcher.list()).toEqual([]);
});

test('a command that does not exist fails the container with its reason', async () => {
  await lab.createPod({
    spec: {
      restartPolicy: 'Never',
      containers: [{ name: 'app', image: 'busybox', command: ['no-such-command'] }],
    },
  });
  const pod = await lab.podThat((p) => p.status?.phase === 'Failed');
  expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
    exitCode: 128,
    reason: 'StartError',
  });
});

test('an exec probe runs in the container; one that fails has it restarted', async () => {
  await lab.createPod({
    spec: {
      containers: [
        {
          name: 'app',
          image: 'busybox',
          command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.05; done'],
          // A first process that has no handler yet ignores SIGTERM: then SIGKILL ends it after a second.
          livenessProbe: {
            exec: { command: ['test', '-e', '/tmp/alive'] },
            failureThreshold: 1,
            terminationGracePeriodSeconds: 1,
          },
        },
      ],
    },
  });
  await lab.podThat((p) => (p.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0);
});

/** kubectl on what runs in a lab: rollouts, logs, nodes. */
import { describe, expect, test } from 'vitest';
import { useKubectlLab } from './support/kubectl.ts';
import { kubectls } from './support/kubectl-programs.ts';
import { until } from './support/until.ts';

const template = (app: string) => `
  selector: {matchLabels: {app: ${app}}}
  template:
    metadata: {labels: {app: ${app}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: server, image: 'example.com/server:1', ports: [{containerPort: 8080}]}]
`;
const workloads = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2${template('web')}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db${template('db')}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: watcher}
spec:${template('watcher')}
`;

/** Ends at once each time, and is started again. */
const forgetful = `
apiVersion: v1
kind: Pod
metadata: {name: forgetful}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: [sh, -c, 'cat /data/runs; echo again >> /data/runs'], volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, emptyDir: {}}]
`;

describe.each(kubectls())('kubectl $version', (entry) => {
  const { kubectl, attempt, run, apply, follow, minor } = useKubectlLab(entry);
  const settled = (what: string) => kubectl('rollout', 'status', what, '--timeout=30s');
  const image = (what: string) =>
    kubectl('get', what, '-o', 'jsonpath={.spec.template.spec.containers[0].image}');

  test('workloads become available', async () => {
    await apply(workloads);
    expect(await settled('deploy/web')).toContain('successfully rolled out');
    expect(await settled('ds/watcher')).toContain('successfully rolled out');
    expect(await settled('sts/db')).toMatch(/roll out complete|rolling update complete/);
    expect(await kubectl('wait', '--for=condition=Available', 'deploy/web', '--timeout=10s')).toContain(
      'condition met',
    );
  });

  test.each(['deploy/web', 'sts/db', 'ds/watcher'])(
    '%s: a new image, its history, and back',
    async (what) => {
      await kubectl('set', 'image', what, 'server=example.com/server:2');
      await settled(what);
      expect(await kubectl('rollout', 'history', what)).toMatch(/1 .*\n2 /);
      expect(await kubectl('rollout', 'history', what, '--revision=2')).toContain('example.com/server:2');
      await kubectl('rollout', 'undo', what);
      await settled(what);
      expect(await image(what)).toBe('example.com/server:1');
      const history = await kubectl('rollout', 'history', what);
      expect(history).toMatch(/2 .*\n3 /);
      expect(history).not.toMatch(/^1 /m);
    },
  );

  test('undo to a revision keeps nothing of the newer template', async () => {
    await kubectl('set', 'env', 'deploy/web', 'NEWER=yes');
    await settled('deploy/web');
    await kubectl('rollout', 'undo', 'deploy/web', '--to-revision=3');
    await settled('deploy/web');
    expect(await kubectl('get', 'deploy/web', '-o', 'yaml')).not.toContain('NEWER');
  });

  test('restart, pause and resume', async () => {
    const pods = () => kubectl('get', 'pods', '-l', 'app=web', '-o', 'name');
    const before = await pods();
    await kubectl('rollout', 'restart', 'deploy/web');
    await settled('deploy/web');
    expect(await pods()).not.toBe(before);
    await kubectl('rollout', 'pause', 'deploy/web');
    expect((await attempt('rollout', 'restart', 'deploy/web')).stderr).toContain('paused');
    await kubectl('set', 'image', 'deploy/web', 'server=example.com/server:3');
    expect(await kubectl('get', 'rs', '-l', 'app=web', '-o', 'yaml')).not.toContain('example.com/server:3');
    await kubectl('rollout', 'resume', 'deploy/web');
    await settled('deploy/web');
    expect(await kubectl('get', 'rs', '-l', 'app=web', '-o', 'yaml')).toContain('example.com/server:3');
  });

  test('scale, also on condition', async () => {
    await kubectl('scale', 'deploy/web', '--replicas=3');
    expect((await attempt('scale', 'deploy/web', '--current-replicas=1', '--replicas=2')).stderr).toContain(
      'Expected replicas to be 1, was 3',
    );
    await kubectl('scale', 'sts/db', '--replicas=1');
    await until('the last one is gone', async () =>
      (await attempt('get', 'pod', 'db-1')).stderr.includes('not found'),
    );
  });

  test('logs: whole, the end, as they come, and of the one before', async () => {
    const count = 'i=0; while true; do i=$((i+1)); echo line $i; sleep 0.1; done';
    await kubectl('run', 'teller', '--image=busybox', '--restart=Never', '--', 'sh', '-c', count);
    using telling = follow('logs', '-f', 'pod/teller', '--pod-running-timeout=20s');
    await kubectl('wait', '--for=condition=Ready', 'pod/teller', '--timeout=20s');
    using later = follow('logs', '-f', 'teller');
    await until('it tells', () => later.text().includes('line 5\n'));
    expect(later.text()).toMatch(/^line 1\nline 2\n/);
    expect(await kubectl('logs', 'teller', '--tail=1')).toMatch(/^line \d+\n$/);
    expect((await attempt('logs', 'teller', '--previous')).stderr).toBe(
      'Error from server (BadRequest): previous terminated container "teller" in pod "teller" not found\n',
    );
    expect(telling.text()).not.toContain('error');
    await apply(forgetful);
    await until(
      'it has run twice',
      async () =>
        (await kubectl(
          'get',
          'pod',
          'forgetful',
          '-o',
          'jsonpath={.status.containerStatuses[0].restartCount}',
        )) >= '1',
    );
    await until('the second run has told of the first', async () =>
      (await attempt('logs', 'forgetful')).stdout.includes('again'),
    );
    expect(await attempt('logs', 'forgetful', '--previous')).toMatchObject({ code: 0 });
  });

  test('logs of a workload, and why there are none yet', async () => {
    expect(await attempt('logs', 'deploy/web')).toMatchObject({ code: 0 });
    const pod = ['run', 'stuck', '--image=busybox', '--overrides'];
    await kubectl(...pod, '{"spec":{"nodeSelector":{"nowhere":"yes"}}}');
    expect((await kubectl('get', 'pod', 'stuck')).includes('Pending')).toBe(true);
    expect(await kubectl('describe', 'pod', 'stuck')).toContain('FailedScheduling');
  });

  test('cordon, drain by eviction, uncordon', async () => {
    await kubectl('cordon', 'node-2');
    expect(await kubectl('get', 'node', 'node-2')).toContain('Ready,SchedulingDisabled');
    const flag = minor >= 20 ? '--delete-emptydir-data' : '--delete-local-data';
    const drained = await kubectl(
      'drain',
      'node-2',
      '--ignore-daemonsets',
      '--force',
      '--grace-period=1',
      flag,
    );
    expect(drained).toMatch(/node\/node-2 (drained|evicted)/);
    const there = ['--field-selector', 'spec.nodeName=node-2', '-l', 'app=web', '-o', 'name'];
    expect(await kubectl('get', 'pods', ...there)).toBe('');
    await settled('deploy/web');
    await kubectl('uncordon', 'node-2');
    expect(await kubectl('get', 'node', 'node-2')).not.toContain('SchedulingDisabled');
  });

  test('a taint keeps pods away, and sends those away that do not bear it', async () => {
    expect(await kubectl('taint', 'node', 'node-1', 'busy=yes:NoSchedule')).toBe('node/node-1 tainted\n');
    await kubectl('rollout', 'restart', 'deploy/web');
    await settled('deploy/web');
    const nodes = await kubectl('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].spec.nodeName}');
    expect(new Set(nodes.split(' '))).toEqual(new Set(['node-2']));
    expect(await kubectl('taint', 'node', 'node-1', 'busy-')).toBe('node/node-1 untainted\n');
  });

  test('delete by file', async () => {
    const { stdout } = await run(['delete', '-f', '-'], { stdin: workloads });
    expect(stdout.split('\n').filter((line) => line.endsWith(' deleted'))).toHaveLength(3);
  });
});

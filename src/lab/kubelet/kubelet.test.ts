import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isNotFound } from '../../kube/client/api-error.ts';
import { resources } from '../../kube/resources.ts';
import type { ConfigMap, Lease, Node, Pod } from '../../kube/types.ts';
import { condition, isReady, KubeletFixture } from './lab-fixture.ts';

let lab: KubeletFixture;
beforeEach(async () => {
  lab = new KubeletFixture();
});
afterEach(() => lab.stop());

describe('the node', () => {
  test('registers with its addresses, becomes Ready with its network and keeps a lease', async () => {
    lab.cni.ready = false;
    await lab.start();
    const get = () => lab.client.get<Node>(resources.nodes, { name: 'node-1' });
    const ready = async () => (await get()).status?.conditions?.find((c) => c.type === 'Ready');
    expect((await get()).status?.addresses).toEqual([
      { type: 'InternalIP', address: '172.20.0.11' },
      { type: 'InternalIP', address: 'fd00:10:20::11' },
      { type: 'Hostname', address: 'node-1' },
    ]);
    await lab.until(async () => (await ready())?.message?.includes('no conflist') ?? false);
    lab.cni.ready = true;
    lab.kubelet.networkChanged();
    await lab.until(async () => (await ready())?.status === 'True');
    const lease = () =>
      lab.client.get<Lease>(resources.leases, { namespace: 'kube-node-lease', name: 'node-1' });
    await lab.until(() =>
      lease().then(
        () => true,
        () => false,
      ),
    );
    const before = (await lease()).spec?.renewTime;
    await lab.clock.advance(10_000);
    await lab.until(async () => (await lease()).spec?.renewTime !== before);
  });

  test('is not Ready without what starts containers, nor are its pods', async () => {
    await lab.start();
    await lab.createPod();
    await lab.podThat(isReady);
    lab.kubelet.launcherGone();
    const ready = async () =>
      (await lab.client.get<Node>(resources.nodes, { name: 'node-1' })).status?.conditions?.find(
        ({ type }) => type === 'Ready',
      );
    await lab.until(async () => (await ready())?.status === 'False');
    expect(await ready()).toMatchObject({ reason: 'KubeletNotReady', message: 'container runtime is down' });
    const pod = await lab.podThat((p) => !isReady(p));
    const { state, lastState } = pod.status!.containerStatuses![0]!;
    expect((state?.terminated ?? lastState?.terminated)?.exitCode).toBe(137);
  });

  test('registers again when somebody deletes its object', async () => {
    await lab.start();
    await lab.client.delete(resources.nodes, { name: 'node-1' });
    await lab.until(async () => {
      await lab.clock.advance(10_000);
      return lab.client.get(resources.nodes, { name: 'node-1' }).then(
        () => true,
        () => false,
      );
    });
  });

  test('takes no pod beyond its capacity, whoever bound it', async () => {
    await lab.start();
    const names = Array.from({ length: 110 }, (_, i) => `web-${i}`);
    await Promise.all(names.map((name) => lab.createPod({ name })));
    await lab.until(async () => (await lab.running()).length === 110);
    await lab.createPod({ name: 'one-more' });
    const pod = await lab.podThat((p) => p.status?.phase === 'Failed', 'one-more');
    expect(pod.status).toMatchObject({
      reason: 'OutOfpods',
      message:
        "Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: 110, capacity: 110",
    });
  });
});

describe('a pod', () => {
  test('gets its network before anything runs, and is Ready as soon as its container runs', async () => {
    await lab.start();
    lab.launcher.onStart = () => expect(lab.cni.calls).toEqual(['add web']);
    await lab.createPod();
    const pod = await lab.podThat(isReady);
    expect(pod.status).toMatchObject({
      phase: 'Running',
      podIP: '10.244.1.5',
      podIPs: [{ ip: '10.244.1.5' }, { ip: 'fd00:10:244:1::5' }],
      hostIP: '172.20.0.11',
      hostIPs: [{ ip: '172.20.0.11' }, { ip: 'fd00:10:20::11' }],
      qosClass: 'BestEffort',
      startTime: '2030-01-01T00:00:00Z',
      containerStatuses: [
        {
          name: 'app',
          ready: true,
          started: true,
          restartCount: 0,
          state: { running: { startedAt: '2030-01-01T00:00:00Z' } },
        },
      ],
    });
    for (const type of ['PodScheduled', 'PodReadyToStartContainers', 'Initialized', 'ContainersReady']) {
      expect(condition(pod, type), type).toBe('True');
    }
  });

  test('waits for the network of its node, and says so', async () => {
    lab.cni.ready = false;
    await lab.start();
    await lab.createPod();
    await lab.podInTime(
      (p) =>
        p.status?.containerStatuses?.[0]?.state?.waiting?.message?.includes('network is not ready') ?? false,
    );
    expect(lab.launcher.started).toEqual([]);
    lab.cni.ready = true;
    lab.kubelet.networkChanged();
    await lab.podThat(isReady);
  });

  test("on the host network does not wait and has the node's addresses", async () => {
    lab.cni.ready = false;
    await lab.start();
    await lab.createPod({ spec: { hostNetwork: true } });
    expect((await lab.podThat(isReady)).status?.podIP).toBe('172.20.0.11');
    expect(lab.cni.calls).toEqual([]);
    expect(lab.launcher.started[0]?.netns).toMatch(/netns\/node-1$/);
  });

  test('tries its sandbox again when CNI fails', async () => {
    await lab.start();
    const add = lab.cni.onAdd;
    lab.cni.onAdd = () => {
      throw new Error('no address left');
    };
    await lab.createPod();
    await lab.until(async () => (await lab.events()).some((e) => e.includes('FailedCreatePodSandBox')));
    expect(lab.host.namespaces.size).toBe(0);
    lab.cni.onAdd = add;
    await lab.clock.advance(200);
    await lab.podThat(isReady);
  });

  test('runs init containers one by one, a sidecar beside the containers', async () => {
    await lab.start();
    await lab.createPod({
      spec: {
        initContainers: [
          { name: 'first', image: 'busybox', command: ['true'] },
          { name: 'proxy', image: 'example/proxy', restartPolicy: 'Always' },
          { name: 'second', image: 'busybox', command: ['true'] },
        ],
      },
    });
    await lab.until(async () => (await lab.running()).join() === 'first.0');
    const waiting = await lab.podInTime(
      (p) => p.status?.initContainerStatuses?.[0]?.state?.running !== undefined,
    );
    expect(waiting.status?.phase).toBe('Pending');
    expect(waiting.status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe('PodInitializing');
    await lab.exit('first', 0);
    await lab.until(async () => (await lab.running()).join() === 'proxy.0,second.0');
    await lab.exit('second', 0);
    await lab.podThat(isReady);
    expect(await lab.running()).toEqual(['proxy.0', 'app.0']);
  });

  test('runs ephemeral containers that come later, in the namespace of their target, once', async () => {
    await lab.start();
    await lab.createPod();
    await lab.podThat(isReady);
    const ephemeralContainers = [
      { name: 'debug', image: 'busybox', command: ['sh'], targetContainerName: 'app', tty: true },
    ];
    await lab.client.patch(
      resources.pods,
      { namespace: 'default', name: 'web' },
      { type: 'application/merge-patch+json', body: { spec: { ephemeralContainers } } },
    );
    const statusOf = (p: Pod) => p.status?.ephemeralContainerStatuses?.[0];
    const running = await lab.podInTime((p) => statusOf(p)?.state?.running !== undefined);
    expect(statusOf(running)).toMatchObject({ name: 'debug', ready: false, restartCount: 0 });
    expect(running.status?.containerStatuses).toHaveLength(1);
    expect(isReady(running)).toBe(true);
    const [app, debug] = lab.launcher.started.filter(({ id }) => !id.endsWith('.pause'));
    expect(debug).toMatchObject({ netns: app!.netns, tty: true, sandbox: { pidNamespaceOf: app!.id } });
    await lab.exit('debug', 3);
    const ended = await lab.podInTime((p) => statusOf(p)?.state?.terminated !== undefined);
    expect(statusOf(ended)?.state?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect([isReady(ended), ended.status?.phase, await lab.running()]).toEqual([true, 'Running', ['app.0']]);
    expect(await lab.events()).toContain('Started: Container started');
  });

  test('restarts what crashes at once, then in CrashLoopBackOff', async () => {
    await lab.start();
    await lab.createPod();
    await lab.podThat(isReady);
    await lab.exit('app', 3);
    const again = await lab.podThat(
      (p) => p.status?.containerStatuses?.[0]?.restartCount === 1 && isReady(p),
    );
    expect(again.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
      exitCode: 3,
      reason: 'Error',
    });
    await lab.exit('app', 4);
    const held = await lab.podThat(
      (p) => p.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
    );
    expect(held.status?.phase).toBe('Running');
    expect(held.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(4);
    expect(await lab.running()).toEqual([]);
    await lab.clock.advance(10_000);
    await lab.podThat((p) => p.status?.containerStatuses?.[0]?.restartCount === 2 && isReady(p));
  });

  test.each([
    ['Never', 0, 'Succeeded'],
    ['Never', 1, 'Failed'],
    ['OnFailure', 0, 'Succeeded'],
  ] as const)(
    'with restartPolicy %s whose container exits with %i is %s, and its network goes',
    async (policy, code, phase) => {
      await lab.start();
      await lab.createPod({ spec: { restartPolicy: policy } });
      await lab.podThat(isReady);
      await lab.exit('app', code);
      await lab.podThat((p) => p.status?.phase === phase);
      await lab.until(() => lab.cni.calls.includes('del web') && lab.host.namespaces.size === 0);
    },
  );

  test('is failed when it runs longer than activeDeadlineSeconds', async () => {
    await lab.start();
    await lab.createPod({ spec: { activeDeadlineSeconds: 60 } });
    await lab.podThat(isReady);
    await lab.clock.advance(60_000);
    const pod = await lab.podThat((p) => p.status?.phase === 'Failed');
    expect(pod.status?.reason).toBe('DeadlineExceeded');
    await lab.until(async () => (await lab.running()).length === 0);
  });
});

describe('deletion', () => {
  test('is preStop, SIGTERM, SIGKILL after the grace period, CNI, and only then the object', async () => {
    await lab.start();
    lab.launcher.endsOn = new Set([9]);
    await lab.createPod({
      spec: {
        containers: [
          {
            name: 'app',
            image: 'busybox',
            command: ['sleep', '1d'],
            lifecycle: { preStop: { exec: { command: ['bye'] } } },
          },
        ],
      },
    });
    await lab.podThat(isReady);
    await lab.client.delete(resources.pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 5 });
    await lab.until(() => lab.launcher.signals.length > 0);
    expect(lab.launcher.execs[0]?.argv).toEqual(['bye']);
    expect(lab.launcher.signals.map((s) => s.signal)).toEqual([15]);
    expect((await lab.pod()).metadata.name).toBe('web');
    await lab.clock.advance(5000);
    await lab.until(() => lab.pod().then(() => false, isNotFound));
    expect(lab.launcher.signals.map((s) => s.signal)).toEqual([15, 9]);
    expect(lab.cni.calls).toEqual(['add web', 'del web']);
    expect(lab.host.namespaces.size).toBe(0);
  });

  test('ends sidecars after the containers', async () => {
    await lab.start();
    lab.launcher.endsOn = new Set([9]);
    await lab.createPod({
      spec: { initContainers: [{ name: 'proxy', image: 'x', restartPolicy: 'Always' }] },
    });
    await lab.podThat(isReady);
    await lab.client.delete(resources.pods, { namespace: 'default', name: 'web' });
    await lab.until(() => lab.launcher.signals.length > 0);
    expect(lab.launcher.signals.map((s) => s.id.split('.')[1])).toEqual(['app']);
    await lab.exit('app', 0);
    await lab.until(() => lab.launcher.signals.length > 1);
    expect(lab.launcher.signals[1]?.id).toMatch(/proxy/);
    await lab.exit('proxy', 0);
    await lab.until(() => lab.pod().then(() => false, isNotFound));
  });

  test('of an object that is simply gone still ends what runs', async () => {
    await lab.start();
    await lab.createPod();
    await lab.podThat(isReady);
    await lab.client.delete(resources.pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 });
    await lab.until(async () => (await lab.running()).length === 0 && lab.cni.calls.includes('del web'));
  });
});

describe('probes', () => {
  const probed = (readinessProbe: object) => ({
    spec: { containers: [{ name: 'app', image: 'redis', readinessProbe }] },
  });

  test('a readiness probe asks soon and often until the container is ready, and then each period', async () => {
    await lab.start();
    await lab.createPod(probed({ tcpSocket: { port: 6379 }, periodSeconds: 5 }));
    await lab.until(() => lab.host.dials.length === 1);
    expect(isReady(await lab.pod())).toBe(false);
    await lab.clock.advance(20);
    await lab.until(() => lab.host.dials.length === 2);
    lab.host.listeners.set('10.244.1.5:6379', true);
    await lab.clock.advance(40);
    await lab.podThat(isReady);
    lab.host.listeners.clear();
    await lab.clock.advance(14_939);
    expect(isReady(await lab.pod())).toBe(true);
    await lab.clock.advance(1);
    const pod = await lab.podThat((p) => !isReady(p));
    expect(pod.status?.conditions?.find((c) => c.type === 'Ready')).toMatchObject({
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [app]',
    });
  });

  test('a stand-in takes up the port of a Service that is made later', async () => {
    await lab.start();
    await lab.createPod({ metadata: { labels: { app: 'web' } } });
    await lab.podThat(isReady);
    await lab.client.create(resources.services, {
      metadata: { name: 'web', namespace: 'default' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 9090 }] },
    });
    await lab.until(() => lab.launcher.signals.some(({ signal }) => signal === 1));
    const { mounts } = lab.launcher.started[0]!.sandbox!;
    const { source } = mounts.find(({ target }) => target === '/tendril/ports')!;
    expect(await readFile(source, 'utf8')).toBe('tcp 9090\n');
  });

  test('a liveness probe that fails often enough has the container restarted', async () => {
    await lab.start();
    lab.launcher.onExec = () => ({ code: 1, stdout: '', stderr: 'dead' });
    await lab.createPod({
      spec: {
        containers: [
          {
            name: 'app',
            image: 'busybox',
            command: ['sleep', '1d'],
            livenessProbe: { exec: { command: ['check'] }, periodSeconds: 1, failureThreshold: 2 },
          },
        ],
      },
    });
    await lab.podThat(isReady);
    await lab.clock.advance(1000);
    await lab.podThat((p) => p.status?.containerStatuses?.[0]?.restartCount === 1);
    expect(await lab.events()).toEqual(
      expect.arrayContaining([
        'Unhealthy: Liveness probe failed: dead',
        'Killing: Container app failed liveness probe, will be restarted',
      ]),
    );
  });

  test('of a stood-in container, exec and grpc become a TCP connect to its first port', async () => {
    await lab.start();
    lab.host.listeners.set('10.244.1.5:8080', true);
    const container = { name: 'app', image: 'example/app', ports: [{ containerPort: 8080 }] };
    await lab.createPod({
      spec: { containers: [{ ...container, readinessProbe: { exec: { command: ['x'] } } }] },
    });
    await lab.podThat(isReady);
    expect(lab.launcher.execs).toEqual([]);
    expect(lab.host.dials).toEqual(['10.244.1.5:8080']);
  });
});

describe('configuration', () => {
  const configMap = (name: string, data: Record<string, string>) =>
    lab.client.create<ConfigMap>(resources.configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'default' },
      data,
    });

  test('a missing ConfigMap holds the container until it comes', async () => {
    await lab.start();
    const env = [{ name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'paint', key: 'color' } } }];
    await lab.createPod({ spec: { containers: [{ name: 'app', image: 'example/app', env }] } });
    const waiting = await lab.podThat(
      (p) => p.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError',
    );
    expect(waiting.status?.containerStatuses?.[0]?.state?.waiting?.message).toBe(
      'configmap "paint" not found',
    );
    await configMap('paint', { color: 'red' });
    await lab.podThat(isReady);
    expect(lab.launcher.started[0]?.env).toMatchObject({ COLOR: 'red', TENDRIL_POD: 'web', HOSTNAME: 'web' });
  });

  test('a volume of a ConfigMap follows it', async () => {
    await lab.start();
    await configMap('page', { 'index.html': 'one' });
    await lab.createPod({
      spec: {
        containers: [{ name: 'app', image: 'x', volumeMounts: [{ name: 'v', mountPath: '/data' }] }],
        volumes: [{ name: 'v', configMap: { name: 'page' } }],
      },
    });
    await lab.podThat(isReady);
    const mount = lab.launcher.started[0]?.sandbox?.mounts.find((m) => m.target === '/data');
    expect(mount?.readOnly).toBe(true);
    const read = () => readFile(`${mount!.source}/index.html`, 'utf8');
    expect(await read()).toBe('one');
    const patch = { type: 'application/merge-patch+json', body: { data: { 'index.html': 'two' } } } as const;
    await lab.client.patch(resources.configMaps, { namespace: 'default', name: 'page' }, patch);
    await lab.until(async () => (await read()) === 'two');
  });

  test('files in /etc follow from the pod and the cluster', async () => {
    await lab.start();
    await lab.createPod({ spec: { hostname: 'db', subdomain: 'sql' } });
    await lab.podThat(isReady);
    const { sandbox } = lab.launcher.started[0]!;
    const read = (target: string) =>
      readFile(sandbox!.mounts.find((m) => m.target === target)!.source, 'utf8');
    expect(sandbox?.hostname).toBe('db');
    expect(await read('/etc/hosts')).toContain('10.244.1.5\tdb.sql.default.svc.cluster.local\tdb\n');
    expect(await read('/etc/resolv.conf')).toBe(
      'search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\n' +
        'nameserver fd00:10:96::a\noptions ndots:5\n',
    );
  });
});

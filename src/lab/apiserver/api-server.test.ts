import { describe, expect, test } from 'vitest';
import type { JsonObject } from './json.ts';
import { container, deploymentOf, inDefault, mergePatch, podOf, useTestServer } from './test-server.ts';

const { call, settle } = useTestServer();

describe('a new cluster', () => {
  test('has its namespaces, with what every namespace has', async () => {
    await settle();
    const { items } = await call('GET', '/api/v1/namespaces');
    expect(items.map((n: JsonObject) => n.metadata.name)).toEqual([
      'default',
      'kube-node-lease',
      'kube-public',
      'kube-system',
    ]);
    expect(await call('GET', `${inDefault}/serviceaccounts/default`)).toMatchObject({ code: 200 });
  });

  test('has the kubernetes Service on the first address, with the advertised endpoint', async () => {
    const { spec } = await call('GET', `${inDefault}/services/kubernetes`);
    expect(spec).toMatchObject({
      clusterIP: '10.96.0.1',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
    });
    const slice = await call('GET', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes');
    expect(slice).toMatchObject({ addressType: 'IPv4', endpoints: [{ addresses: ['192.0.2.1'] }] });
  });
});

describe('defaults', () => {
  test('of pods', async () => {
    const pod = await call(
      'POST',
      `${inDefault}/pods`,
      podOf('x', {
        containers: [
          { ...container, ports: [{ containerPort: 80 }], readinessProbe: { httpGet: { port: 80 } } },
        ],
      }),
    );
    expect(pod.spec).toMatchObject({
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      terminationGracePeriodSeconds: 30,
      enableServiceLinks: true,
      schedulerName: 'default-scheduler',
      serviceAccountName: 'default',
      priority: 0,
      containers: [
        {
          imagePullPolicy: 'IfNotPresent',
          terminationMessagePath: '/dev/termination-log',
          ports: [{ protocol: 'TCP' }],
          readinessProbe: {
            timeoutSeconds: 1,
            periodSeconds: 10,
            successThreshold: 1,
            failureThreshold: 3,
            httpGet: { path: '/', scheme: 'HTTP' },
          },
        },
      ],
    });
    expect(pod.metadata).toMatchObject({ generation: 1, creationTimestamp: '2030-01-01T00:00:00Z' });
  });

  test('of Deployments; a generation counts changes of the spec alone', async () => {
    const path = '/apis/apps/v1/namespaces/default/deployments';
    const made = await call('POST', path, deploymentOf('web'));
    expect(made.spec).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate' },
    });
    expect(
      await call('PATCH', `${path}/web`, { metadata: { labels: { x: 'y' } } }, mergePatch),
    ).toMatchObject({
      metadata: { generation: 1 },
    });
    expect(await call('PATCH', `${path}/web/scale`, { spec: { replicas: 3 } }, mergePatch)).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 3 },
    });
    expect(await call('GET', `${path}/web`)).toMatchObject({
      metadata: { generation: 2 },
      spec: { replicas: 3 },
    });
    const same = await call('PATCH', `${path}/web`, { spec: { replicas: 3 } }, mergePatch);
    expect(same.metadata.resourceVersion).toBe((await call('GET', `${path}/web`)).metadata.resourceVersion);
  });
});

describe('deletion', () => {
  test('of a pod on a node waits for its kubelet; without grace it goes at once', async () => {
    await call('POST', `${inDefault}/pods`, podOf('x', { nodeName: 'node-1' }));
    const pod = await call('DELETE', `${inDefault}/pods/x`);
    expect(pod.metadata).toMatchObject({
      deletionGracePeriodSeconds: 30,
      deletionTimestamp: '2030-01-01T00:00:30Z',
    });
    await call('DELETE', `${inDefault}/pods/x`, { gracePeriodSeconds: 0 });
    expect(await call('GET', `${inDefault}/pods/x`)).toMatchObject({ code: 404 });
  });

  test('waits for finalizers', async () => {
    await call('POST', `${inDefault}/configmaps`, { metadata: { name: 'x', finalizers: ['a.b/c'] } });
    await call('DELETE', `${inDefault}/configmaps/x`);
    expect(await call('GET', `${inDefault}/configmaps/x`)).toMatchObject({
      metadata: { deletionTimestamp: expect.any(String) },
    });
    await call('PATCH', `${inDefault}/configmaps/x`, { metadata: { finalizers: null } }, mergePatch);
    expect(await call('GET', `${inDefault}/configmaps/x`)).toMatchObject({ code: 404 });
  });

  const owned = async (policy: string) => {
    const owner = await call('POST', `${inDefault}/configmaps`, { metadata: { name: 'owner' } });
    const reference = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: 'owner',
      uid: owner.metadata.uid,
      blockOwnerDeletion: true,
    };
    await call('POST', `${inDefault}/configmaps`, {
      metadata: { name: 'child', ownerReferences: [reference] },
    });
    await call('DELETE', `${inDefault}/configmaps/owner`, { propagationPolicy: policy });
    await settle();
    const code = async (name: string) => (await call('GET', `${inDefault}/configmaps/${name}`)).code;
    return { owner: await code('owner'), child: await code('child') };
  };
  test.each([
    ['Background', { owner: 404, child: 404 }],
    ['Foreground', { owner: 404, child: 404 }],
    ['Orphan', { owner: 404, child: 200 }],
  ])('%s: what becomes of what is owned', async (policy, expected) => {
    expect(await owned(policy)).toEqual(expected);
  });

  test.each([1, 2, 3])(
    'a circle of %i owners, each in the way of the next, goes in the foreground too',
    async (size) => {
      const names = Array.from({ length: size }, (_, i) => `circle-${i}`);
      for (const name of names) await call('POST', `${inDefault}/configmaps`, { metadata: { name } });
      for (const [i, name] of names.entries()) {
        const owner = names[(i + 1) % size]!;
        const { uid } = (await call('GET', `${inDefault}/configmaps/${owner}`)).metadata;
        const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: owner, uid, blockOwnerDeletion: true };
        const metadata = { ownerReferences: [reference] };
        await call('PATCH', `${inDefault}/configmaps/${name}`, { metadata }, mergePatch);
      }
      await call('DELETE', `${inDefault}/configmaps/circle-0`, { propagationPolicy: 'Foreground' });
      await settle();
      for (const name of names)
        expect(await call('GET', `${inDefault}/configmaps/${name}`)).toMatchObject({ code: 404 });
    },
  );

  test('after no time that is a number is refused', async () => {
    await call('POST', `${inDefault}/pods`, podOf('x', { nodeName: 'node-1' }));
    const answer = await call('DELETE', `${inDefault}/pods/x?gracePeriodSeconds=abc`);
    expect(answer).toMatchObject({ code: 400, message: expect.stringContaining('"abc" is not an integer') });
    expect((await call('GET', `${inDefault}/pods/x`)).metadata.deletionTimestamp).toBeUndefined();
  });

  test('of a namespace takes its contents along', async () => {
    await call('POST', '/api/v1/namespaces', { metadata: { name: 'x' } });
    await call('POST', '/api/v1/namespaces/x/pods', podOf('p', { nodeName: 'node-1' }));
    await settle();
    await call('DELETE', '/api/v1/namespaces/x');
    await settle();
    expect(await call('GET', '/api/v1/namespaces/x')).toMatchObject({ status: { phase: 'Terminating' } });
    expect(await call('POST', '/api/v1/namespaces/x/pods', podOf('q'))).toMatchObject({ code: 403 });
    await call('DELETE', '/api/v1/namespaces/x/pods/p', { gracePeriodSeconds: 0 });
    await settle();
    expect(await call('GET', '/api/v1/namespaces/x')).toMatchObject({ code: 404 });
  });
});

describe('what every cluster has comes back', () => {
  test.each([
    [`${inDefault}/serviceaccounts/default`],
    [`${inDefault}/services/kubernetes`],
    [`${inDefault}/endpoints/kubernetes`],
    ['/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes'],
  ])('%s', async (path) => {
    await settle();
    const { uid } = (await call('GET', path)).metadata;
    await call('DELETE', path);
    await settle();
    const again = await call('GET', path);
    expect(again).toMatchObject({ code: 200, metadata: { uid: expect.any(String) } });
    expect(again.metadata.uid).not.toBe(uid);
  });
});

describe('kinds that nothing acts on', () => {
  test.each([
    [
      'autoscaling/v2',
      'horizontalpodautoscalers',
      { maxReplicas: 2, scaleTargetRef: { kind: 'Deployment', name: 'web' } },
      'HorizontalPodAutoscalers are stored here, and scale nothing',
    ],
  ])('are accepted with a warning: %s %s', async (version, plural, spec, warning) => {
    const answer = await call('POST', `/apis/${version}/namespaces/default/${plural}`, {
      metadata: { name: 'x' },
      spec,
    });
    expect(answer).toMatchObject({ code: 201, warnings: [warning] });
  });

  test('an autoscaler is the same in v1 and v2', async () => {
    const spec = { maxReplicas: 2, scaleTargetRef: { kind: 'Deployment', name: 'web' } };
    const at = (version: string) =>
      `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`;
    const percentage = { targetCPUUtilizationPercentage: 50 };
    await call('POST', at('v1'), { metadata: { name: 'x' }, spec: { ...spec, ...percentage } });
    const stored = await call('GET', `${at('v2')}/x`);
    expect(stored).toMatchObject({ apiVersion: 'autoscaling/v2', spec: { metrics: [{ type: 'Resource' }] } });
    expect(await call('GET', `${at('v1')}/x`)).toMatchObject({ spec: percentage });
  });
});

describe('questions', () => {
  const review = (kind: string, group = 'authorization') =>
    call('POST', `/apis/${group}.k8s.io/v1/${kind.toLowerCase()}s`, { kind, spec }, { user });
  const spec = { resourceAttributes: { verb: 'get', resource: 'pods' } };
  const user = () => ({ username: 'admin', groups: ['system:masters'] });
  test.each([
    ['SelfSubjectAccessReview', 'authorization', { allowed: true }],
    ['SelfSubjectRulesReview', 'authorization', { resourceRules: [{ verbs: ['*'] }] }],
    ['SelfSubjectReview', 'authentication', { userInfo: { username: 'admin' } }],
  ])('%s is answered', async (kind, group, expected) => {
    const answer = await review(kind, group);
    expect(answer).toMatchObject({ code: 201, kind });
    expect(answer.status).toMatchObject(expected);
  });

  test('are found by discovery', async () => {
    const { resources } = await call('GET', '/apis/authorization.k8s.io/v1');
    expect(resources.map((r: JsonObject) => r.name)).toContain('selfsubjectaccessreviews');
  });
});

describe('other requests', () => {
  test('a binding puts a pod on a node, once', async () => {
    await call('POST', `${inDefault}/pods`, podOf('x'));
    const bind = (name: string) =>
      call('POST', `${inDefault}/pods/x/binding`, { target: { kind: 'Node', name } });
    expect(await bind('node-1')).toMatchObject({ code: 201 });
    expect(await call('GET', `${inDefault}/pods/x`)).toMatchObject({
      spec: { nodeName: 'node-1' },
      status: { conditions: [{ type: 'PodScheduled', status: 'True' }] },
    });
    expect(await bind('node-2')).toMatchObject({ code: 409 });
  });

  test('Tables have the columns that kubectl prints', async () => {
    await call('POST', `${inDefault}/pods`, podOf('x'));
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const table = await call('GET', `${inDefault}/pods`, undefined, { accept });
    expect(table.columnDefinitions.map((c: JsonObject) => c.name).slice(0, 5)).toEqual([
      'Name',
      'Ready',
      'Status',
      'Restarts',
      'Age',
    ]);
    expect(table.rows[0].cells.slice(0, 5)).toEqual(['x', '0/1', 'Pending', '0', '0s']);
  });

  test('events are the same objects in both groups', async () => {
    const body = {
      metadata: { name: 'e' },
      regarding: { kind: 'Pod', name: 'x', namespace: 'default' },
      note: 'hello',
      type: 'Normal',
      reason: 'R',
    };
    await call('POST', '/apis/events.k8s.io/v1/namespaces/default/events', body);
    const core = await call('GET', `${inDefault}/events?fieldSelector=involvedObject.name=x`);
    expect(core.items).toMatchObject([{ apiVersion: 'v1', message: 'hello', involvedObject: { name: 'x' } }]);
    expect(await call('GET', '/apis/events.k8s.io/v1/namespaces/default/events/e')).toMatchObject({
      note: 'hello',
      regarding: { name: 'x' },
    });
  });

  test.each([
    ['GET', '/api/v1/nothing', 404],
    ['PATCH', `${inDefault}/pods`, 405],
    ['__proto__', `${inDefault}/pods`, 405],
    ['GET', `${inDefault}/pods?fieldSelector=spec.x=y`, 400],
    ['GET', `${inDefault}/pods?labelSelector=a%20b`, 400],
    ['POST', `${inDefault}/pods/x/exec`, 404],
    ['POST', `${inDefault}/pods/x/proxy`, 501],
  ])('%s %s is %i', async (method, url, code) => {
    expect(await call(method, url)).toMatchObject({ code });
  });
});

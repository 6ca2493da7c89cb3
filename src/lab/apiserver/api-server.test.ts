import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../util/clock.ts';
import type { ApiRequest } from './api-request.ts';
import { type ApiServer, createApiServer } from './api-server.ts';
import type { JsonObject } from './json.ts';

let server: ApiServer;
let clock: FakeClock;

beforeEach(() => {
  clock = new FakeClock(Date.UTC(2030, 0, 1));
  server = createApiServer({
    serviceCidrs: ['10.96.0.0/24', 'fd00::/112'],
    nodePortRange: { first: 30000, last: 30009 },
    advertise: { ips: ['192.0.2.1'], port: 6443 },
    clock,
  });
});
afterEach(() => server.stop());

async function call(
  method: string,
  url: string,
  body?: object,
  more: Partial<ApiRequest> = {},
): Promise<JsonObject> {
  const { pathname: path, searchParams: query } = new URL(url, 'http://server');
  const response = await server.handle({ method, path, query, body, ...more });
  if (!('body' in response)) throw new Error('no JSON answer');
  return {
    status: response.status,
    warnings: response.warnings,
    ...(response.body as object),
    code: response.status,
  };
}

const inDefault = '/api/v1/namespaces/default';
const container = { name: 'c', image: 'nginx:1' };
const podOf = (name: string, spec: object = {}, metadata: object = {}) => ({
  metadata: { name, ...metadata },
  spec: { containers: [container], ...spec },
});
const deploymentOf = (name: string, spec: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [container] } },
    ...spec,
  },
});
const serviceOf = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { ports: [{ port: 80 }], ...spec },
});
const createService = (name: string, spec: object = {}) =>
  call('POST', `${inDefault}/services`, serviceOf(name, spec));

/** Lets collectors, which work after the change that they follow, come to rest. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

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

describe('validation', () => {
  const wrong: [what: string, path: string, body: object, message: string][] = [
    [
      'a name',
      `${inDefault}/pods`,
      podOf('Upper'),
      'metadata.name: Invalid value: "Upper": a lowercase RFC 1123 subdomain',
    ],
    ['no containers', `${inDefault}/pods`, podOf('x', { containers: [] }), 'spec.containers: Required value'],
    [
      'no image',
      `${inDefault}/pods`,
      podOf('x', { containers: [{ name: 'c' }] }),
      'spec.containers[0].image: Required value',
    ],
    [
      'twice one name',
      `${inDefault}/pods`,
      podOf('x', { containers: [container, container] }),
      'spec.containers[1].name: Duplicate value: "c"',
    ],
    [
      'a mount of nothing',
      `${inDefault}/pods`,
      podOf('x', { containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/v' }] }] }),
      'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ],
    [
      'a label',
      `${inDefault}/pods`,
      podOf('x', {}, { labels: { a: '-' } }),
      'metadata.labels: Invalid value: "-"',
    ],
    [
      'a port',
      `${inDefault}/services`,
      serviceOf('x', { ports: [{ port: 70000 }] }),
      'spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
    [
      'ports without names',
      `${inDefault}/services`,
      serviceOf('x', { ports: [{ port: 1 }, { port: 2 }] }),
      'spec.ports[0].name: Required value',
    ],
    ['a Service name', `${inDefault}/services`, serviceOf('1x'), 'a DNS-1035 label must consist of'],
    [
      'a selector',
      '/apis/apps/v1/namespaces/default/deployments',
      deploymentOf('x', { selector: { matchLabels: { a: 'c' } } }),
      '`selector` does not match template `labels`',
    ],
    ['an unknown namespace', '/api/v1/namespaces/none/pods', podOf('x'), 'namespaces "none" not found'],
  ];

  test.each(wrong)('names the field: %s', async (_what, path, body, message) => {
    const answer = await call('POST', path, body);
    expect(answer).toMatchObject({ kind: 'Status', reason: expect.stringMatching(/Invalid|NotFound/) });
    expect(answer.message).toContain(message);
  });

  test('a wrong type is a bad request with its path', async () => {
    const answer = await call(
      'POST',
      '/apis/apps/v1/namespaces/default/deployments',
      deploymentOf('x', { replicas: 'three' }),
    );
    expect(answer).toMatchObject({ code: 400, reason: 'BadRequest' });
    expect(answer.message).toContain(
      'cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    );
  });

  test.each([
    ['Strict', 400, undefined],
    ['Warn', 201, ['unknown field "spec.replicass"']],
    ['Ignore', 201, []],
  ])('an unknown field with fieldValidation=%s', async (mode, code, warnings) => {
    const url = `/apis/apps/v1/namespaces/default/deployments?fieldValidation=${mode}`;
    const answer = await call('POST', url, deploymentOf('x', { replicass: 3 }));
    expect(answer).toMatchObject({ code });
    expect(answer.warnings).toEqual(warnings);
    if (code === 400)
      expect(answer.message).toContain('strict decoding error: unknown field "spec.replicass"');
  });

  test('what may not change is refused', async () => {
    const path = '/apis/apps/v1/namespaces/default/deployments';
    await call('POST', path, deploymentOf('web'));
    const body = { spec: { selector: { matchLabels: { c: 'd' } } } };
    const answer = await call('PATCH', `${path}/web`, body, { contentType: 'application/merge-patch+json' });
    expect(answer.message).toContain('spec.selector: Invalid value');
    await call('POST', `${inDefault}/pods`, podOf('x'));
    const wish = { spec: { restartPolicy: 'Never' } };
    const refused = await call('PATCH', `${inDefault}/pods/x`, wish, {
      contentType: 'application/merge-patch+json',
    });
    expect(refused.message).toContain('pod updates may not change fields other than');
    const image = { spec: { containers: [{ name: 'c', image: 'nginx:2' }] } };
    const changed = await call('PATCH', `${inDefault}/pods/x`, image, {
      contentType: 'application/strategic-merge-patch+json',
    });
    expect(changed).toMatchObject({ code: 200, spec: { containers: [{ image: 'nginx:2' }] } });
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
    const merge = { contentType: 'application/merge-patch+json' };
    expect(await call('PATCH', `${path}/web`, { metadata: { labels: { x: 'y' } } }, merge)).toMatchObject({
      metadata: { generation: 1 },
    });
    expect(await call('PATCH', `${path}/web/scale`, { spec: { replicas: 3 } }, merge)).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 3 },
    });
    expect(await call('GET', `${path}/web`)).toMatchObject({
      metadata: { generation: 2 },
      spec: { replicas: 3 },
    });
    const same = await call('PATCH', `${path}/web`, { spec: { replicas: 3 } }, merge);
    expect(same.metadata.resourceVersion).toBe((await call('GET', `${path}/web`)).metadata.resourceVersion);
  });
});

describe('addresses and node ports of Services', () => {
  const cases: [what: string, spec: object, expected: object][] = [
    ['one family by default', {}, { ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' }],
    ['both where preferred', { ipFamilyPolicy: 'PreferDualStack' }, { ipFamilies: ['IPv4', 'IPv6'] }],
    [
      'the other one',
      { ipFamilies: ['IPv6'] },
      { ipFamilies: ['IPv6'], clusterIP: expect.stringMatching(/^fd00::/) },
    ],
    ['a requested one', { clusterIP: '10.96.0.10' }, { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'] }],
    [
      'none when headless',
      { clusterIP: 'None', selector: { a: 'b' } },
      { clusterIPs: ['None'], ipFamilyPolicy: 'SingleStack' },
    ],
    [
      'headless without selector',
      { clusterIP: 'None' },
      { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'RequireDualStack' },
    ],
    [
      'a node port',
      { type: 'NodePort' },
      { ports: [{ nodePort: 30000, targetPort: 80 }], externalTrafficPolicy: 'Cluster' },
    ],
    [
      'a requested node port',
      { type: 'NodePort', ports: [{ port: 80, nodePort: 30005 }] },
      { ports: [{ nodePort: 30005 }] },
    ],
    [
      'a health check port',
      { type: 'LoadBalancer', externalTrafficPolicy: 'Local' },
      { healthCheckNodePort: 30001 },
    ],
  ];
  test.each(cases)('%s', async (_what, spec, expected) => {
    expect(await createService('web', spec)).toMatchObject({ code: 201, spec: expected });
  });

  test.each([
    [{ clusterIP: '10.97.0.1' }, 'the provided IP (10.97.0.1) is not in the valid range'],
    [{ clusterIP: '10.96.0.1' }, 'provided IP is already allocated'],
    [{ type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }, 'The range of valid ports is 30000-30009'],
    [
      { ipFamilies: ['IPv4', 'IPv6'] },
      "must be 'RequireDualStack' or 'PreferDualStack' when multiple ipFamilies",
    ],
    [{ type: 'ExternalName' }, 'spec.externalName: Required value'],
  ])('%j is refused', async (spec, message) => {
    const answer = await createService('web', spec);
    expect(answer).toMatchObject({ code: 422, reason: 'Invalid' });
    expect(answer.message).toContain(message);
  });

  test('are free again after deletion and change of type, and kept by updates that leave them out', async () => {
    const made = await createService('web', { type: 'NodePort', ports: [{ port: 80, nodePort: 30005 }] });
    const again = await call('PUT', `${inDefault}/services/web`, serviceOf('web', { type: 'NodePort' }));
    expect(again.spec).toMatchObject({ clusterIP: made.spec.clusterIP, ports: [{ nodePort: 30005 }] });
    await call(
      'PATCH',
      `${inDefault}/services/web`,
      { spec: { type: 'ClusterIP' } },
      { contentType: 'application/merge-patch+json' },
    );
    expect(
      await createService('other', { type: 'NodePort', ports: [{ port: 80, nodePort: 30005 }] }),
    ).toMatchObject({ code: 201 });
    await call('DELETE', `${inDefault}/services/web`);
    expect(await createService('third', { clusterIP: made.spec.clusterIP })).toMatchObject({ code: 201 });
  });

  test('a policy can be raised to two families and lowered again', async () => {
    const merge = { contentType: 'application/merge-patch+json' };
    const { spec } = await createService('web');
    const both = await call(
      'PATCH',
      `${inDefault}/services/web`,
      { spec: { ipFamilyPolicy: 'PreferDualStack' } },
      merge,
    );
    expect(both.spec).toMatchObject({ clusterIPs: [spec.clusterIP, expect.stringMatching(/^fd00/)] });
    const one = await call(
      'PATCH',
      `${inDefault}/services/web`,
      { spec: { ipFamilyPolicy: 'SingleStack' } },
      merge,
    );
    expect(one.spec.clusterIPs).toEqual([spec.clusterIP]);
  });

  test('a dry run takes nothing', async () => {
    const dry = await call(
      'POST',
      `${inDefault}/services?dryRun=All`,
      serviceOf('web', { clusterIP: '10.96.0.9' }),
    );
    expect(dry).toMatchObject({ code: 201 });
    expect(await call('GET', `${inDefault}/services/web`)).toMatchObject({ code: 404 });
    expect(await createService('other', { clusterIP: '10.96.0.9' })).toMatchObject({ code: 201 });
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
    await call(
      'PATCH',
      `${inDefault}/configmaps/x`,
      { metadata: { finalizers: null } },
      { contentType: 'application/merge-patch+json' },
    );
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
    ['GET', `${inDefault}/pods?fieldSelector=spec.x=y`, 400],
    ['GET', `${inDefault}/pods?labelSelector=a%20b`, 400],
    ['POST', `${inDefault}/pods/x/exec`, 501],
  ])('%s %s is %i', async (method, url, code) => {
    expect(await call(method, url)).toMatchObject({ code });
  });

  test('server-side apply is declined', async () => {
    const answer = await call(
      'PATCH',
      `${inDefault}/pods/x`,
      {},
      { contentType: 'application/apply-patch+yaml' },
    );
    expect(answer).toMatchObject({ code: 415 });
  });
});

import { describe, expect, test } from 'vitest';
import { container, inDefault, mergePatch, podOf, useTestServer } from '../../test-server.ts';

const { call } = useTestServer();
const pods = `${inDefault}/pods`;

describe('what Secrets and ConfigMaps may hold', () => {
  test.each<[type: string, data: object, message: string]>([
    ['Opaque', { a: 'not base64!' }, 'illegal base64 data at input byte 3'],
    ['Opaque', { a: 'YQ=' }, 'illegal base64 data at input byte 2'],
    ['Opaque', { a: Buffer.alloc(2 ** 20 + 1).toString('base64') }, 'data: Too long'],
    ['kubernetes.io/basic-auth', {}, '[data[username]: Required value, data[password]: Required value]'],
    ['kubernetes.io/ssh-auth', {}, 'data[ssh-privatekey]: Required value'],
    ['kubernetes.io/dockerconfigjson', { '.dockerconfigjson': 'YQ==' }, '<secret contents redacted>'],
    ['kubernetes.io/service-account-token', {}, 'metadata.annotations[kubernetes.io/service-account.name]'],
  ])('a Secret of type %s is refused', async (type, data, message) => {
    const answer = await call('POST', `${inDefault}/secrets`, { metadata: { name: 's' }, type, data });
    expect(answer).toMatchObject({ kind: 'Status', message: expect.stringContaining(message) });
  });

  test.each([['YQ=='], ['YWI='], ['YWJj\nYWJj'], ['']])('%j is base64', async (a) => {
    const answer = await call('POST', `${inDefault}/secrets`, { metadata: { name: 's' }, data: { a } });
    expect(answer.code).toBe(201);
  });

  test('a ConfigMap is not larger than a mebibyte, text and bytes together', async () => {
    const data = { a: 'x'.repeat(2 ** 20) };
    const map = { metadata: { name: 'm' }, data };
    expect((await call('POST', `${inDefault}/configmaps`, map)).code).toBe(201);
    const larger = { metadata: { name: 'n' }, data, binaryData: { b: 'YQ==' } };
    expect((await call('POST', `${inDefault}/configmaps`, larger)).code).toBe(422);
  });
});

test('an object is not larger than etcd takes, at once or by and by', async () => {
  const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
  const spec = (length: number) => ({ spec: { holderIdentity: 'x'.repeat(length) } });
  const refused = { code: 500, message: 'etcdserver: request is too large' };
  const create = (name: string, length: number) =>
    call('POST', leases, { metadata: { name }, ...spec(length) });
  expect(await create('a', 1_600_000)).toMatchObject(refused);
  expect((await create('b', 1_000_000)).code).toBe(201);
  expect(await call('PATCH', `${leases}/b`, spec(1_600_000), mergePatch)).toMatchObject(refused);
});

describe('what of a pod may change', () => {
  const change = (spec: object) => call('PATCH', `${pods}/p`, { spec }, mergePatch);

  test('its deadline comes nearer, and never goes', async () => {
    await call('POST', pods, podOf('p'));
    expect((await change({ activeDeadlineSeconds: 50 })).code).toBe(200);
    expect((await change({ activeDeadlineSeconds: 40 })).code).toBe(200);
    expect((await change({ activeDeadlineSeconds: 60 })).message).toContain('less than or equal to previous');
    expect((await change({ activeDeadlineSeconds: null })).message).toContain('to nil value');
  });

  test('not how long it may take to end', async () => {
    await call('POST', pods, podOf('p'));
    expect((await change({ terminationGracePeriodSeconds: 1 })).code).toBe(422);
  });

  test('its addresses are addresses', async () => {
    await call('POST', pods, podOf('p'));
    const status = (podIPs: object[]) =>
      call('PATCH', `${pods}/p/status`, { status: { podIPs } }, mergePatch);
    expect((await status([{ ip: '10.0.0.1' }, { ip: 'fd00::1' }])).code).toBe(200);
    expect((await status([{ ip: 'nonsense' }])).code).toBe(422);
    expect((await status([{ ip: '10.0.0.1' }, { ip: '10.0.0.1' }])).code).toBe(422);
  });
});

test.each([
  [{ limits: { cpu: '1' }, requests: { cpu: '1500m' } }, 'must be less than or equal to cpu limit of 1'],
  [{ limits: { memory: '-1' } }, 'limits[memory]: Invalid value: "-1": must be greater than or equal to 0'],
])('a container that asks for %j is refused', async (resources, why) => {
  const answer = await call('POST', pods, podOf('p', { containers: [{ ...container, resources }] }));
  expect(answer).toMatchObject({ code: 422, message: expect.stringContaining(why) });
});

test.each([
  ['mine', 1_000_000_001, 'maximum allowed value'],
  ['system-mine', 7, 'not a known system priority class'],
])('a PriorityClass %s of %i is refused', async (name, value, why) => {
  const path = '/apis/scheduling.k8s.io/v1/priorityclasses';
  expect((await call('POST', path, { metadata: { name }, value })).message).toContain(why);
});

describe('the answer of a deletion', () => {
  test('a pod’s shows that it is being deleted, also in a dry run, which leaves it', async () => {
    await call('POST', pods, podOf('p', { nodeName: 'n' }));
    const tried = await call('DELETE', `${pods}/p?dryRun=All`);
    expect(tried.metadata).toMatchObject({
      deletionGracePeriodSeconds: 30,
      deletionTimestamp: expect.anything(),
    });
    expect((await call('GET', `${pods}/p`)).metadata).not.toHaveProperty('deletionTimestamp');
    const gone = await call('DELETE', `${pods}/p?gracePeriodSeconds=0`);
    expect(gone).toMatchObject({ kind: 'Pod', metadata: { deletionGracePeriodSeconds: 0 } });
    expect((await call('GET', `${pods}/p`)).code).toBe(404);
  });

  test('a ServiceAccount’s is itself', async () => {
    await call('POST', `${inDefault}/serviceaccounts`, { metadata: { name: 'a' } });
    expect((await call('DELETE', `${inDefault}/serviceaccounts/a`)).kind).toBe('ServiceAccount');
  });
});

test('an update names its object', async () => {
  await call('POST', `${inDefault}/configmaps`, { metadata: { name: 'm' } });
  expect((await call('PUT', `${inDefault}/configmaps/m`, { data: {} })).code).toBe(400);
});

test('a binding is of the pod that the scheduler saw', async () => {
  await call('POST', pods, podOf('p'));
  const target = { kind: 'Node', name: 'n' };
  const bind = (metadata: object) => call('POST', `${pods}/p/binding`, { metadata, target });
  expect((await bind({ name: 'p', uid: 'of-another' })).code).toBe(409);
  expect((await bind({ name: 'p' })).code).toBe(201);
});

test.each(['-bad=a', `${'x'.repeat(64)}=a`, 'a=b@d', 'a in (b@d)', 'a>x'])(
  'the label selector %s is refused',
  async (selector) => {
    const answer = await call('GET', `${pods}?labelSelector=${encodeURIComponent(selector)}`);
    expect(answer.code).toBe(400);
  },
);

test.each([
  ['subjectaccessreviews', { resourceAttributes: { verb: 'get', resource: 'pods' } }],
  [
    'subjectaccessreviews',
    { user: 'x', resourceAttributes: { verb: 'get' }, nonResourceAttributes: { path: '/' } },
  ],
  [
    'namespaces/a/localsubjectaccessreviews',
    { user: 'x', resourceAttributes: { namespace: 'b', verb: 'get' } },
  ],
])('a review of %s with %j is refused', async (plural, spec) => {
  expect((await call('POST', `/apis/authorization.k8s.io/v1/${plural}`, { spec })).code).toBe(422);
});

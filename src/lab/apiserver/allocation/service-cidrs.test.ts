import { describe, expect, test } from 'vitest';
import { mergePatch, useTestServer } from '../test-server.ts';

const { call, createService, settle } = useTestServer({ serviceCidrs: ['10.96.0.0/28', 'fd00::/112'] });
const cidrs = '/apis/networking.k8s.io/v1/servicecidrs';
const addresses = '/apis/networking.k8s.io/v1/ipaddresses';
const createCidr = (name: string, ...blocks: string[]) =>
  call('POST', cidrs, { metadata: { name }, spec: { cidrs: blocks } });
const ready = (name: string, status = 'True') => {
  const condition = {
    type: 'Ready',
    status,
    reason: '',
    message: '',
    lastTransitionTime: '2030-01-01T00:00:00Z',
  };
  return call('PATCH', `${cidrs}/${name}/status`, { status: { conditions: [condition] } }, mergePatch);
};

async function fill(): Promise<void> {
  // Of 14 the kubernetes Service has one.
  for (let i = 0; i < 13; i++) expect(await createService(`s${i}`)).toMatchObject({ code: 201 });
}

test('the default one is there and Ready, and comes back', async () => {
  const expected = {
    metadata: { name: 'kubernetes' },
    spec: { cidrs: ['10.96.0.0/28', 'fd00::/112'] },
    status: {
      conditions: [{ type: 'Ready', status: 'True', message: 'Kubernetes default Service CIDR is ready' }],
    },
  };
  const first = await call('GET', `${cidrs}/kubernetes`);
  expect(first).toMatchObject(expected);
  expect(first.metadata).not.toHaveProperty('generation');
  await call('DELETE', `${cidrs}/kubernetes`);
  await settle();
  expect(await call('GET', `${cidrs}/kubernetes`)).toMatchObject(expected);
});

describe('a second one', () => {
  test('gives addresses when it is Ready and the first is full', async () => {
    await fill();
    expect(await createService('more')).toMatchObject({
      code: 422,
      message: expect.stringContaining('range is full'),
    });
    await createCidr('second', '10.200.0.0/24', 'fd00:200::/112');
    expect(await createService('more')).toMatchObject({ code: 422 });
    await ready('second');
    expect(await createService('more')).toMatchObject({ code: 201, spec: { clusterIP: '10.200.0.17' } });
    const asked = {
      clusterIP: '10.200.0.9',
      ipFamilyPolicy: 'RequireDualStack',
      clusterIPs: ['10.200.0.9', 'fd00:200::9'],
    };
    expect(await createService('asked', asked)).toMatchObject({
      code: 201,
      spec: { clusterIPs: asked.clusterIPs },
    });
  });

  test('gives none once it goes', async () => {
    await createCidr('second', '10.200.0.0/24');
    await ready('second');
    await call('PATCH', `${cidrs}/second`, { metadata: { finalizers: ['example.com/stay'] } }, mergePatch);
    await call('DELETE', `${cidrs}/second`);
    expect(await createService('a', { clusterIP: '10.200.0.1' })).toMatchObject({
      code: 422,
      message: expect.stringContaining('the provided network does not match the current range'),
    });
  });
});

test.each<[object, string]>([
  [{ cidrs: [] }, 'spec.cidrs: Required value: at least one CIDR required'],
  [{ cidrs: ['10.0.0.0/8', 'fd00::/64', 'fd01::/64'] }, 'may only hold up to 2 values'],
  [{ cidrs: ['10.0.0.0/8', '10.1.0.0/16'] }, 'may specify no more than one IP for each IP family'],
  [{ cidrs: ['10.0.0.1/8'] }, 'spec.cidrs[0]: Invalid value: "10.0.0.1/8"'],
  [{ cidrs: ['FD00::/64'] }, 'must be in canonical form ("fd00::/64")'],
])('%j is refused', async (spec, message) => {
  const made = await call('POST', cidrs, { metadata: { name: 'x' }, spec });
  expect(made).toMatchObject({ code: 422, message: expect.stringContaining(message) });
});

test('blocks stay as they are, but a second family may come', async () => {
  await createCidr('x', '10.0.0.0/24');
  const patch = (...blocks: string[]) => call('PATCH', `${cidrs}/x`, { spec: { cidrs: blocks } }, mergePatch);
  expect(await patch('10.0.1.0/24')).toMatchObject({
    code: 422,
    message: expect.stringContaining('field is immutable'),
  });
  expect(await patch('10.0.1.0/24', 'fd00::/112')).toMatchObject({ code: 422 });
  expect(await patch('10.0.0.0/24', 'fd00::/112')).toMatchObject({ code: 200 });
  expect(await patch('10.0.0.0/24')).toMatchObject({ code: 422 });
});

describe('an IPAddress', () => {
  const labels = (family: string) => ({
    'ipaddress.kubernetes.io/ip-family': family,
    'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
  });
  const parentRef = { resource: 'services', namespace: 'default', name: 'web' };

  test('is there for each address of a Service, as long as it has it', async () => {
    await createService('web', {
      ipFamilyPolicy: 'RequireDualStack',
      clusterIPs: ['10.96.0.9', 'fd00::9'],
      clusterIP: '10.96.0.9',
    });
    await settle();
    expect(await call('GET', `${addresses}/10.96.0.9`)).toMatchObject({
      metadata: { labels: labels('IPv4') },
      spec: { parentRef },
    });
    expect(await call('GET', `${addresses}/fd00::9`)).toMatchObject({
      metadata: { labels: labels('IPv6') },
      spec: { parentRef },
    });
    expect(await call('GET', `${addresses}/10.96.0.1`)).toMatchObject({
      spec: { parentRef: { name: 'kubernetes' } },
    });
    await call('DELETE', `${addresses}/10.96.0.9`);
    await settle();
    expect(await call('GET', `${addresses}/10.96.0.9`)).toMatchObject({ code: 200, spec: { parentRef } });
    await call('DELETE', '/api/v1/namespaces/default/services/web');
    await settle();
    for (const ip of ['10.96.0.9', 'fd00::9'])
      expect(await call('GET', `${addresses}/${ip}`)).toMatchObject({ code: 404 });
  });

  test('comes of no dry run', async () => {
    const spec = { ports: [{ port: 80 }], clusterIP: '10.96.0.9' };
    await call('POST', '/api/v1/namespaces/default/services?dryRun=All', { metadata: { name: 'web' }, spec });
    await settle();
    expect(await call('GET', `${addresses}/10.96.0.9`)).toMatchObject({ code: 404 });
  });

  test('that somebody makes keeps Services from the address', async () => {
    const own = { parentRef: { group: 'example.com', resource: 'things', name: 'x' } };
    await call('POST', addresses, { metadata: { name: '10.96.0.9' }, spec: own });
    expect(await createService('web', { clusterIP: '10.96.0.9' })).toMatchObject({
      code: 422,
      message: expect.stringContaining('provided IP is already allocated'),
    });
    await settle();
    expect(await call('GET', `${addresses}/10.96.0.9`)).toMatchObject({ spec: own });
  });

  test.each<[string, object, string]>([
    ['10.0.0.01', { parentRef }, 'must not have leading 0s'],
    ['fd00::0', { parentRef }, 'must be in canonical form'],
    ['web', { parentRef }, 'must be a valid IP address'],
    ['10.0.0.1', {}, 'spec.parentRef: Required value'],
    ['10.0.0.1', { parentRef: { resource: 'services' } }, 'spec.parentRef.name: Required value'],
  ])('%s of %j is refused', async (name, spec, message) => {
    const made = await call('POST', addresses, { metadata: { name }, spec });
    expect(made).toMatchObject({ code: 422, message: expect.stringContaining(message) });
  });

  test('keeps its parent', async () => {
    await call('POST', addresses, { metadata: { name: '10.0.0.1' }, spec: { parentRef } });
    const changed = await call(
      'PATCH',
      `${addresses}/10.0.0.1`,
      { spec: { parentRef: { name: 'other' } } },
      mergePatch,
    );
    expect(changed).toMatchObject({ code: 422, message: expect.stringContaining('field is immutable') });
  });
});

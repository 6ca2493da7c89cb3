import { describe, expect, test } from 'vitest';
import { deploymentOf, mergePatch, useTestServer } from '../test-server.ts';

const { call } = useTestServer();
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const scale = `${deployments}/web/scale`;

describe('scale', () => {
  test.each<[string, unknown, number]>([
    ['a spec that is a number', { spec: 5 }, 400],
    ['replicas that are text', { spec: { replicas: 'many' } }, 400],
    ['fewer than none', { spec: { replicas: -1 } }, 422],
    ['another name', { metadata: { name: 'other' } }, 400],
    ['another uid', { metadata: { uid: 'other' } }, 409],
    ['an old version', { metadata: { resourceVersion: '1' } }, 409],
    ['another kind', { kind: 'Deployment' }, 400],
    ['a list', [], 400],
    ['nothing', undefined, 400],
  ])('is not written from %s', async (_, body, code) => {
    await call('POST', deployments, deploymentOf('web', { replicas: 2 }));
    expect(await call('PUT', scale, body as object)).toMatchObject({ code });
    expect(await call('PATCH', scale, body as object, mergePatch)).toMatchObject({ code });
    expect(await call('GET', scale)).toMatchObject({ spec: { replicas: 2 } });
  });

  test('is written by PUT and by PATCH', async () => {
    await call('POST', deployments, deploymentOf('web', { replicas: 2 }));
    const put = { kind: 'Scale', metadata: { name: 'web' }, spec: { replicas: 3 } };
    expect(await call('PUT', scale, put)).toMatchObject({ code: 200, spec: { replicas: 3 } });
    const patched = await call('PATCH', scale, { spec: { replicas: 4 } }, mergePatch);
    expect(patched).toMatchObject({ code: 200, spec: { replicas: 4 } });
  });
});

describe('finalize', () => {
  test.each<[string, unknown, number]>([
    ['nothing', undefined, 400],
    ['a list', [], 400],
    ['a spec that is a number', { spec: 5 }, 400],
    ['finalizers that are text', { spec: { finalizers: 'kubernetes' } }, 400],
    ['another name', { metadata: { name: 'other' }, spec: {} }, 400],
    ['an old version', { metadata: { resourceVersion: '1' }, spec: {} }, 409],
  ])('takes nothing away when told %s', async (_, body, code) => {
    const made = await call('POST', '/api/v1/namespaces', { metadata: { name: 'x' } });
    expect(await call('PUT', '/api/v1/namespaces/x/finalize', body as object)).toMatchObject({ code });
    const now = await call('GET', '/api/v1/namespaces/x');
    expect(now.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  });

  test('is only tried in a dry run', async () => {
    await call('POST', '/api/v1/namespaces', { metadata: { name: 'x' } });
    const path = '/api/v1/namespaces/x/finalize';
    const tried = await call('PUT', `${path}?dryRun=All`, { metadata: { name: 'x' }, spec: {} });
    expect(tried).toMatchObject({ code: 200, spec: {} });
    expect(await call('GET', '/api/v1/namespaces/x')).toMatchObject({ spec: { finalizers: ['kubernetes'] } });
  });
});

describe('eviction', () => {
  const pods = '/api/v1/namespaces/default/pods';
  const pod = { metadata: { name: 'x' }, spec: { containers: [{ name: 'c', image: 'busybox' }] } };
  const evict = (deleteOptions?: object, query = '') =>
    call('POST', `${pods}/x/eviction${query}`, { metadata: { name: 'x' }, deleteOptions });

  test('deletes the pod', async () => {
    await call('POST', pods, pod);
    expect(await evict({ gracePeriodSeconds: 0 })).toMatchObject({ code: 201 });
    expect(await call('GET', `${pods}/x`)).toMatchObject({ code: 404 });
  });

  test.each([
    ['its options', { dryRun: ['All'] }, ''],
    ['the request', undefined, '?dryRun=All'],
    ['both', { dryRun: ['All'] }, '?dryRun=All'],
  ])('is only tried where %s ask for a dry run', async (_, options, query) => {
    await call('POST', pods, pod);
    expect(await evict(options, query)).toMatchObject({ code: 201 });
    const { metadata } = await call('GET', `${pods}/x`);
    expect(metadata).toMatchObject({ name: 'x' });
    expect(metadata).not.toHaveProperty('deletionTimestamp');
  });

  test('refuses options that are none', async () => {
    await call('POST', pods, pod);
    expect(await evict({ gracePeriodSeconds: 'soon' })).toMatchObject({ code: 400 });
  });
});

import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { deploymentOf, inDefault, mergePatch, useTestServer } from '../test-server.ts';

const { call } = useTestServer();
const contentType = 'application/apply-patch+yaml';
const deployments = '/apis/apps/v1/namespaces/default/deployments';

function apply(manager: string, path: string, body: object, query = '') {
  return call('PATCH', `${path}?fieldManager=${manager}${query}`, body, { contentType });
}

const configMap = (data: object) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data });
const applyMap = (manager: string, data: object, query = '') =>
  apply(manager, `${inDefault}/configmaps/m`, configMap(data), query);

const managersOf = (object: JsonObject) =>
  Object.fromEntries(
    (object.metadata.managedFields ?? []).map((m: JsonObject) => [`${m.manager} ${m.operation}`, m.fieldsV1]),
  );

describe('a server-side apply', () => {
  test('creates what is not there, in the name of its manager', async () => {
    const made = await applyMap('one', { a: '1' });
    expect(made).toMatchObject({ code: 201, data: { a: '1' } });
    expect(made.metadata.managedFields).toEqual([
      {
        manager: 'one',
        operation: 'Apply',
        apiVersion: 'v1',
        time: '2030-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { 'f:a': {} } },
      },
    ]);
  });

  test('takes away what its manager applied before and others do not have', async () => {
    await applyMap('one', { a: '1', b: '1', c: '1' });
    await applyMap('two', { c: '1' });
    const left = await applyMap('one', { a: '1' });
    expect(left).toMatchObject({ code: 200, data: { a: '1', c: '1' } });
    expect(left.data).not.toHaveProperty('b');
  });

  test('leaves what others wrote, and may be repeated without a change', async () => {
    await applyMap('one', { a: '1' });
    const patched = await call('PATCH', `${inDefault}/configmaps/m`, { data: { z: '9' } }, mergePatch);
    const again = await applyMap('one', { a: '1' });
    expect(again.data).toEqual({ a: '1', z: '9' });
    expect(again.metadata.resourceVersion).toBe(patched.metadata.resourceVersion);
  });

  test('is refused where a field is another’s with another value; said field by field', async () => {
    await applyMap('one', { a: '1', b: '1' });
    expect(await applyMap('two', { a: '2' })).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "one": .data.a',
      details: {
        causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' }],
      },
    });
    const two = await applyMap('two', { a: '2', b: '2' });
    expect(two.message).toBe('Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b');
  });

  test('by force takes the field, and the first manager loses it', async () => {
    await applyMap('one', { a: '1', b: '1' });
    const taken = await applyMap('two', { a: '2' }, '&force=true');
    expect(taken.data).toEqual({ a: '2', b: '1' });
    expect(managersOf(taken)).toEqual({
      'one Apply': { 'f:data': { 'f:b': {} } },
      'two Apply': { 'f:data': { 'f:a': {} } },
    });
    // It does not want it any more: nothing is taken from the second.
    expect((await applyMap('one', { b: '1' })).data).toEqual({ a: '2', b: '1' });
  });

  test('shares a field of one value', async () => {
    await applyMap('one', { a: '1' });
    await applyMap('two', { a: '1' });
    expect((await applyMap('one', {})).data).toEqual({ a: '1' });
    expect((await applyMap('two', {})).data).toBeUndefined();
  });

  test('conflicts with an update, whose version it names', async () => {
    await call('POST', `${deployments}?fieldManager=creator`, deploymentOf('d'));
    const scaled = await apply('one', `${deployments}/d`, {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' } },
      spec: { replicas: 3 },
    });
    expect(scaled.message).toBe(
      'Apply failed with 1 conflict: conflict with "creator" using apps/v1: .spec.replicas',
    );
  });

  test('merges lists by their keys, in its own order', async () => {
    const service = (ports: object[]) => ({
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 's' } },
      spec: { ports },
    });
    const path = `${inDefault}/services/s`;
    await apply(
      'one',
      path,
      service([
        { name: 'a', port: 80 },
        { name: 'b', port: 81 },
      ]),
    );
    const both = await apply(
      'two',
      path,
      service([
        { name: 'c', port: 79 },
        { name: 'b', port: 81 },
      ]),
    );
    expect(both.spec.ports.map((p: JsonObject) => p.name)).toEqual(['a', 'c', 'b']);
    const left = await apply('one', path, service([{ name: 'b', port: 81 }]));
    expect(left.spec.ports.map((p: JsonObject) => p.name)).toEqual(['c', 'b']);
    expect(managersOf(left)['one Apply']).toEqual({
      'f:spec': {
        'f:ports': {
          'k:{"port":81,"protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:port': {} },
        },
      },
    });
  });

  test('refuses a key twice, an unknown field, a missing manager, managers in its body', async () => {
    const twice = [
      { port: 80, name: 'a' },
      { port: 80, name: 'b' },
    ];
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: twice } };
    expect((await apply('one', `${inDefault}/services/s`, service)).message).toContain(
      '.spec.ports: duplicate entries for key [port=80,protocol="TCP"]',
    );
    expect((await apply('one', `${inDefault}/configmaps/m`, { ...configMap({}), dada: {} })).message).toBe(
      'failed to create typed patch object (/m; /v1, Kind=ConfigMap): .dada: field not declared in schema',
    );
    expect(await call('PATCH', `${inDefault}/configmaps/m`, configMap({}), { contentType })).toMatchObject({
      code: 422,
      message: expect.stringContaining('fieldManager: Required value: is required for apply patch'),
    });
    const managed = { ...configMap({}), metadata: { name: 'm', managedFields: [{}] } };
    expect(await apply('one', `${inDefault}/configmaps/m`, managed)).toMatchObject({ code: 400 });
    expect(await call('GET', `${inDefault}/configmaps/m`)).toMatchObject({ code: 404 });
  });

  test('of status touches status alone', async () => {
    await call('POST', deployments, deploymentOf('d'));
    const made = await apply('one', `${deployments}/d/status`, {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' } },
      spec: { replicas: 7 },
      status: { replicas: 2 },
    });
    expect(made).toMatchObject({ code: 200, spec: { replicas: 1 }, status: { replicas: 2 } });
    expect(made.metadata.managedFields).toContainEqual(
      expect.objectContaining({ manager: 'one', subresource: 'status' }),
    );
    expect(await apply('one', `${deployments}/none/status`, deploymentOf('none'))).toMatchObject({
      code: 404,
    });
  });

  test('tried dry changes nothing', async () => {
    expect(await applyMap('one', { a: '1' }, '&dryRun=All')).toMatchObject({ code: 201 });
    expect(await call('GET', `${inDefault}/configmaps/m`)).toMatchObject({ code: 404 });
  });
});

describe('managers of other writes', () => {
  test('are the client’s name for itself, or its program', async () => {
    const userAgent = 'kubectl/v1.36 (linux/amd64) kubernetes/abc';
    const made = await call('POST', `${inDefault}/configmaps`, configMap({ a: '1' }), { userAgent });
    expect(managersOf(made)).toEqual({ 'kubectl Update': { 'f:data': { '.': {}, 'f:a': {} } } });
    const changed = await call(
      'PATCH',
      `${inDefault}/configmaps/m?fieldManager=me`,
      { data: { a: '2', b: '2' } },
      mergePatch,
    );
    expect(managersOf(changed)).toEqual({
      'kubectl Update': { 'f:data': {} },
      'me Update': { 'f:data': { 'f:a': {}, 'f:b': {} } },
    });
  });

  test('do not have the status that the server makes of itself', async () => {
    const service = await call('POST', `${inDefault}/services`, {
      metadata: { name: 's' },
      spec: { ports: [{ port: 80 }] },
    });
    expect(service).toHaveProperty('status');
    expect(Object.keys(managersOf(service)['unknown Update'])).toEqual(['f:spec']);
  });

  test('are those of the program’s own parts nobody, who take what they change', async () => {
    await applyMap('one', { a: '1', b: '1' });
    const changed = await call(
      'PATCH',
      `${inDefault}/configmaps/m`,
      { data: { a: '2' } },
      { ...mergePatch, trusted: true },
    );
    expect(managersOf(changed)).toEqual({ 'one Apply': { 'f:data': { 'f:b': {} } } });
  });

  test('are kept by an update that is silent, replaced by one that names them, forgotten for an empty list', async () => {
    const made = await applyMap('one', { a: '1' });
    const { code: _c, warnings: _w, ...object } = made;
    const { managedFields: _m, ...metadata } = object.metadata;
    const silent = await call('PUT', `${inDefault}/configmaps/m`, { ...object, metadata });
    expect(managersOf(silent)).toHaveProperty('one Apply');
    const renamed = [{ ...made.metadata.managedFields[0], manager: 'other' }];
    const named = await call('PUT', `${inDefault}/configmaps/m`, {
      ...object,
      metadata: { ...metadata, managedFields: renamed },
    });
    expect(Object.keys(managersOf(named))).toEqual(['other Apply']);
    const gone = { ...named, metadata: { ...named.metadata, managedFields: [] } };
    const forgotten = await call('PUT', `${inDefault}/configmaps/m`, gone);
    expect(forgotten.metadata).not.toHaveProperty('managedFields');
    const first = await applyMap('two', { a: '2' });
    expect(first.message).toBe(
      'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a',
    );
  });

  test('that are many become one', async () => {
    await call('POST', `${inDefault}/configmaps`, configMap({}));
    for (let i = 0; i < 14; i++) {
      const url = `${inDefault}/configmaps/m?fieldManager=m${i}`;
      await call('PATCH', url, { data: { [`k${i}`]: '1' } }, mergePatch);
    }
    const { metadata } = await call('GET', `${inDefault}/configmaps/m`);
    const names = metadata.managedFields.map((m: JsonObject) => m.manager);
    expect(names).toHaveLength(10);
    expect(names).toContain('ancient-changes');
  });
});

describe('who manages what', () => {
  test('an object without managers gets none by an update, and the first apply finds who was before', async () => {
    await call('POST', `${inDefault}/configmaps?fieldManager=maker`, { metadata: { name: 'm' } });
    const updated = await call(
      'PATCH',
      `${inDefault}/configmaps/m?fieldManager=x`,
      { data: { a: '1' } },
      mergePatch,
    );
    expect(updated.metadata.managedFields).toBeUndefined();
    expect(Object.keys(managersOf(await applyMap('one', { b: '1' })))).toEqual([
      'one Apply',
      'before-first-apply Update',
    ]);
  });

  test('an apply that changes nothing has no time', async () => {
    await applyMap('one', { a: '1' });
    const { metadata } = await applyMap('two', { a: '1' });
    expect(metadata.managedFields).toMatchObject([
      { manager: 'two' },
      { manager: 'one', time: expect.anything() },
    ]);
    expect(metadata.managedFields[0]).not.toHaveProperty('time');
  });

  test('what a client says of managers that makes no sense is passed over', async () => {
    await applyMap('one', { a: '1' });
    const managedFields = [{ manager: 'x', operation: 'Nothing' }];
    const kept = await call(
      'PATCH',
      `${inDefault}/configmaps/m`,
      { metadata: { managedFields } },
      mergePatch,
    );
    expect(managersOf(kept)).toHaveProperty('one Apply');
  });
});

describe('kubectl’s server-side apply after its client-side one', () => {
  const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
  const applied = (data: object) => ({
    ...configMap(data),
    metadata: { name: 'm', annotations: { [annotation]: JSON.stringify(configMap(data)) } },
  });
  const created = `${inDefault}/configmaps?fieldManager=kubectl-client-side-apply`;

  test('takes what that set, and keeps its annotation true', async () => {
    await call('POST', created, applied({ a: '1', b: '1' }));
    const taken = await applyMap('kubectl', { a: '2' });
    expect(taken).toMatchObject({ code: 200, data: { a: '2', b: '1' } });
    expect(taken.metadata.annotations[annotation]).toBe(
      '{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"m"}}\n',
    );
    expect(managersOf(taken)['kubectl Apply']).toEqual({ 'f:data': { 'f:a': {} } });
  });

  test('drops its annotation where what is applied is larger than annotations may be', async () => {
    await call('POST', created, applied({ a: '1' }));
    const taken = await applyMap('kubectl', { a: 'x'.repeat(300_000) });
    expect(taken.code).toBe(200);
    expect(taken.metadata.annotations?.[annotation]).toBeUndefined();
  });

  test('not what somebody changed since; nor does another manager', async () => {
    await call('POST', created, applied({ a: '1', b: '1' }));
    expect((await applyMap('other', { a: '2' })).code).toBe(409);
    await call('PATCH', `${inDefault}/configmaps/m?fieldManager=x`, { data: { b: '3' } }, mergePatch);
    expect(await applyMap('kubectl', { a: '2', b: '2' })).toMatchObject({
      code: 409,
      message: 'Apply failed with 1 conflict: conflict with "x" using v1: .data.b',
    });
  });
});

test('an apply of a Scale takes replicas', async () => {
  await apply('one', `${deployments}/d`, deploymentOf('d', { replicas: 1 }));
  const scale = {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: 'd' },
    spec: { replicas: 3 },
  };
  expect((await apply('two', `${deployments}/d/scale`, scale)).message).toBe(
    'Apply failed with 1 conflict: conflict with "one": .spec.replicas',
  );
  expect(await apply('two', `${deployments}/d/scale`, scale, '&force=true')).toMatchObject({
    code: 200,
    kind: 'Scale',
    spec: { replicas: 3 },
  });
  const { metadata } = await call('GET', `${deployments}/d`);
  expect(metadata.managedFields).toContainEqual(
    expect.objectContaining({
      manager: 'two',
      subresource: 'scale',
      fieldsV1: { 'f:spec': { 'f:replicas': {} } },
    }),
  );
});

test('who creates an object manages what they wrote and its defaults, not what the server gives it', async () => {
  const created = await call('POST', `${inDefault}/services?fieldManager=maker`, {
    metadata: { name: 's' },
    spec: { ports: [{ port: 80 }] },
  });
  const { 'f:spec': fields } = managersOf(created)['maker Update'];
  expect(Object.keys(fields)).toContain('f:sessionAffinity');
  expect(Object.keys(fields)).not.toContain('f:clusterIP');
});

import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { mergePatch, useTestServer } from '../test-server.ts';
import type { JsonSchema } from './schema/json-schema.ts';
import { definer, definitionsUrl, free, sized, versionOf, widget, widgetsUrl } from './test-definitions.ts';

const api = useTestServer();
const { call } = api;
const define = definer(api);
const definitionUrl = `${definitionsUrl}/widgets.example.com`;
const asTable = { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' };

describe('subresources', () => {
  const withStatus: JsonSchema = {
    type: 'object',
    properties: {
      ...sized.properties,
      status: {
        type: 'object',
        properties: { ready: { type: 'integer', maximum: 5 }, selector: { type: 'string' } },
        'x-kubernetes-validations': [{ rule: '!has(self.ready) || self.ready != 3', message: 'not three' }],
      },
    },
  };
  const scale = {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.ready',
    labelSelectorPath: '.status.selector',
  };
  const url = `${widgetsUrl}/w`;

  test('status is written apart, is checked, and is no new generation', async () => {
    await define(withStatus, { subresources: { status: {} } });
    const made = await call('POST', widgetsUrl, widget({ size: 1 }, { status: { ready: 1 } }));
    expect(made.status).toBeUndefined();
    const spec = { size: 9 };
    const set = await call('PATCH', `${url}/status`, { spec, status: { ready: 2 } }, mergePatch);
    expect(set).toMatchObject({ spec: { size: 1 }, status: { ready: 2 }, metadata: { generation: 1 } });
    const wished = await call('PATCH', url, { spec, status: { ready: 4 } }, mergePatch);
    expect(wished).toMatchObject({ spec: { size: 9 }, status: { ready: 2 }, metadata: { generation: 2 } });
    expect(await call('PATCH', `${url}/status`, { status: { ready: 6 } }, mergePatch)).toMatchObject({
      message:
        'Widget.example.com "w" is invalid: status.ready: Invalid value: 6: ready in body should be less than or equal to 5',
    });
    const refused = await call('PATCH', `${url}/status`, { status: { ready: 3 } }, mergePatch);
    expect(refused.message).toContain('status: Invalid value: not three');
  });

  test('without one status is a field as others are', async () => {
    await define(withStatus);
    await call('POST', widgetsUrl, widget({ size: 1 }, { status: { ready: 1 } }));
    expect(await call('GET', `${url}/status`)).toMatchObject({ code: 404 });
    const set = await call('PATCH', url, { status: { ready: 2 } }, mergePatch);
    expect(set).toMatchObject({ status: { ready: 2 }, metadata: { generation: 2 } });
  });

  test('scale reads and writes where the definition says', async () => {
    await define(withStatus, { subresources: { status: {}, scale } });
    await call('POST', widgetsUrl, widget({ size: 1, replicas: 2 }));
    await call('PATCH', `${url}/status`, { status: { ready: 1, selector: 'a=b' } }, mergePatch);
    expect(await call('GET', `${url}/scale`)).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 2 },
      status: { replicas: 1, selector: 'a=b' },
    });
    await call('PATCH', `${url}/scale`, { spec: { replicas: 5 } }, mergePatch);
    expect(await call('GET', url)).toMatchObject({ spec: { replicas: 5 }, metadata: { generation: 2 } });
    const { resources } = await call('GET', '/apis/example.com/v1');
    expect(resources.map((r: JsonObject) => r.name)).toEqual(['widgets', 'widgets/status', 'widgets/scale']);
  });
});

describe('versions', () => {
  const two = (more: object = {}) => ({
    versions: [
      versionOf(sized, { name: 'v1beta1', storage: false, deprecated: true }),
      versionOf(sized),
      versionOf(free, { name: 'v2alpha1', storage: false, served: false }),
    ],
    ...more,
  });
  const old = `${widgetsUrl.replace('/v1/', '/v1beta1/')}/w`;

  test('show the same objects, each under its own name', async () => {
    await define(sized, {}, two());
    await call('POST', widgetsUrl, widget({ size: 1 }));
    expect(await call('GET', old)).toMatchObject({ apiVersion: 'example.com/v1beta1', spec: { size: 1 } });
    await call('PATCH', old, { spec: { size: 2 } }, mergePatch);
    expect(await call('GET', `${widgetsUrl}/w`)).toMatchObject({
      apiVersion: 'example.com/v1',
      spec: { size: 2 },
    });
    expect(await call('GET', widgetsUrl.replace('/v1/', '/v2alpha1/'))).toMatchObject({ code: 404 });
    const { versions, preferredVersion } = await call('GET', '/apis/example.com');
    expect(versions.map((v: JsonObject) => v.version)).toEqual(['v1', 'v1beta1']);
    expect(preferredVersion.version).toBe('v1');
  });

  test('that are to go are warned of', async () => {
    await define(sized, {}, two());
    await call('POST', widgetsUrl, widget({ size: 1 }));
    expect((await call('GET', old)).warnings).toEqual([
      'example.com/v1beta1 Widget is deprecated; use example.com/v1 Widget',
    ]);
    expect((await call('GET', `${widgetsUrl}/w`)).warnings).toEqual([]);
  });

  test('that objects may be stored in cannot be taken away', async () => {
    await define(sized, {}, two());
    const versions = [versionOf(sized, { name: 'v1beta1' })];
    const refused = await call('PATCH', definitionUrl, { spec: { versions } }, mergePatch);
    expect(refused.message).toContain('missing from spec.versions; v1 was previously a storage version');
  });
});

describe('what is shown', () => {
  const columns = [
    { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
    { name: 'Color', type: 'string', jsonPath: '.spec.color', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ];

  test('are the columns that the definition names', async () => {
    await define(sized, { additionalPrinterColumns: columns });
    await call('POST', widgetsUrl, widget({ size: 3 }));
    const { columnDefinitions, rows } = await call('GET', widgetsUrl, undefined, asTable);
    expect(columnDefinitions.map((c: JsonObject) => [c.name, c.type, c.priority])).toEqual([
      ['Name', 'string', 0],
      ['Size', 'integer', 0],
      ['Color', 'string', 1],
      ['Age', 'date', 0],
    ]);
    expect(rows[0].cells).toEqual(['w', 3, 'red', '0s']);
  });

  test('is the age where it names none', async () => {
    await define(sized);
    const { columnDefinitions } = await call('GET', widgetsUrl, undefined, asTable);
    expect(columnDefinitions.map((c: JsonObject) => c.name)).toEqual(['Name', 'Age']);
  });

  test('are the objects whose fields are selected', async () => {
    await define(sized, { selectableFields: [{ jsonPath: '.spec.color' }] });
    await call('POST', widgetsUrl, widget({ size: 1 }));
    await call('POST', widgetsUrl, widget({ size: 1, color: 'blue' }, { metadata: { name: 'b' } }));
    const { items } = await call('GET', `${widgetsUrl}?fieldSelector=spec.color%3Dblue`);
    expect(items.map((o: JsonObject) => o.metadata.name)).toEqual(['b']);
    expect(await call('GET', `${widgetsUrl}?fieldSelector=spec.size%3D1`)).toMatchObject({ code: 400 });
  });
});

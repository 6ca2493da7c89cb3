import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import type { StreamEvent } from '../rest/watch-stream.ts';
import { mergePatch, strategicMergePatch, useTestServer } from '../test-server.ts';
import type { JsonSchema } from './schema/json-schema.ts';
import { definitionsUrl, specOf, versionOf, widget, widgets, widgetsUrl } from './test-definitions.ts';

const { call, server, settle } = useTestServer();
const definitionUrl = `${definitionsUrl}/widgets.example.com`;
const jsonPatch = { contentType: 'application/json-patch+json' };
const asTable = { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' };
const free: JsonSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const sized: JsonSchema = specOf({
  type: 'object',
  required: ['size'],
  properties: {
    size: { type: 'integer', minimum: 1 },
    color: { type: 'string', default: 'red' },
    replicas: { type: 'integer' },
  },
});

const define = (schema: JsonSchema, version: object = {}, spec: object = {}) =>
  call('POST', definitionsUrl, widgets(schema, version, spec));

describe('a definition', () => {
  test('is established at once, with its defaults, and served everywhere', async () => {
    const made = await define(sized);
    expect(made).toMatchObject({
      code: 201,
      metadata: { generation: 1 },
      spec: {
        names: { singular: 'widget', listKind: 'WidgetList' },
        conversion: { strategy: 'None' },
      },
      status: {
        acceptedNames: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'] },
        storedVersions: ['v1'],
        conditions: [
          { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts' },
          { type: 'Established', status: 'True', reason: 'InitialNamesAccepted' },
        ],
      },
    });
    const { groups } = await call('GET', '/apis');
    expect(groups.map((g: JsonObject) => g.name)).toContain('example.com');
    const { resources } = await call('GET', '/apis/example.com/v1');
    expect(resources).toMatchObject([
      { name: 'widgets', singularName: 'widget', kind: 'Widget', shortNames: ['wd'], categories: ['all'] },
    ]);
    expect(await call('GET', widgetsUrl)).toMatchObject({ code: 200, kind: 'WidgetList', items: [] });
  });

  test('that is wrong is refused, and what is not defined is not found', async () => {
    const refused = await define({ type: 'object', properties: { spec: { type: 'array' } } });
    expect(refused).toMatchObject({
      code: 422,
      message:
        'CustomResourceDefinition.apiextensions.k8s.io "widgets.example.com" is invalid: spec.validation.openAPIV3Schema.properties[spec].items: Required value: must be specified',
    });
    expect(await call('GET', widgetsUrl)).toMatchObject({ code: 404 });
  });

  test('with fields that are unknown, anywhere in its schema, is warned of or refused', async () => {
    const schema = specOf({ type: 'array', items: { type: 'object', propertys: {} } as JsonSchema });
    const path = 'spec.versions[0].schema.openAPIV3Schema.properties.spec.items.propertys';
    const strict = await call('POST', `${definitionsUrl}?fieldValidation=Strict`, widgets(schema));
    expect(strict).toMatchObject({ code: 400 });
    expect(strict.message).toContain(`unknown field "${path}"`);
    expect((await define(schema)).warnings).toEqual([`unknown field "${path}"`]);
  });

  test('is read in OpenAPI by who explains it', async () => {
    await define(sized);
    const document = await raw('/openapi/v3/apis/example.com/v1');
    const { properties, ...rest } = document.components.schemas['com.example.v1.Widget'];
    expect(rest['x-kubernetes-group-version-kind']).toEqual([
      { group: 'example.com', version: 'v1', kind: 'Widget' },
    ]);
    expect(Object.keys(properties).sort()).toEqual(['apiVersion', 'kind', 'metadata', 'spec']);
    expect(properties.spec.properties.size).toEqual({ type: 'integer', minimum: 1 });
    const swagger = await raw('/openapi/v2');
    expect(swagger.definitions['com.example.v1.WidgetList'].properties.items.items).toEqual({
      $ref: '#/definitions/com.example.v1.Widget',
    });
    const before = (await raw('/openapi/v3')).paths['apis/example.com/v1'].serverRelativeURL;
    const { spec, metadata } = widgets(sized, { additionalPrinterColumns: [] });
    spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.size.description = 'How large';
    await call('PATCH', definitionUrl, { metadata, spec }, mergePatch);
    expect((await raw('/openapi/v3')).paths['apis/example.com/v1'].serverRelativeURL).not.toBe(before);
  });

  test('has to say which state it updates', async () => {
    const made = await define(sized);
    const { code: _, warnings: _w, ...definition } = structuredClone(made);
    const { resourceVersion, ...metadata } = definition.metadata;
    expect(await call('PUT', definitionUrl, { ...definition, metadata })).toMatchObject({ code: 422 });
    definition.spec.versions[0].schema.openAPIV3Schema.description = 'x';
    const updated = await call('PUT', definitionUrl, definition);
    expect(updated).toMatchObject({ code: 200, metadata: { generation: 2 } });
  });

  test('does not get names that another has, until that is gone', async () => {
    await define(sized);
    const other = widgets(sized);
    other.metadata.name = 'gadgets.example.com';
    other.spec.names = { plural: 'gadgets', kind: 'Widget', shortNames: ['wd'] };
    const made = await call('POST', definitionsUrl, other);
    expect(made.status.conditions).toMatchObject([
      {
        type: 'NamesAccepted',
        status: 'False',
        reason: 'ListKindConflict',
        message: '"WidgetList" is already in use',
      },
      { type: 'Established', status: 'False', reason: 'NotAccepted' },
    ]);
    const url = widgetsUrl.replace('widgets', 'gadgets');
    expect(await call('GET', url)).toMatchObject({ code: 404 });
    await call('DELETE', definitionUrl);
    await settle();
    expect(await call('GET', url)).toMatchObject({ code: 200 });
  });

  test('does not get names of Kubernetes itself', async () => {
    const { kind, ...rest } = widgets(sized);
    const spec = { ...rest.spec, group: 'networking.k8s.io', names: { plural: 'ingresses', kind: 'Mine' } };
    const metadata = {
      name: 'ingresses.networking.k8s.io',
      annotations: { 'api-approved.kubernetes.io': 'unapproved' },
    };
    const made = await call('POST', definitionsUrl, { ...rest, kind, metadata, spec });
    expect(made.status.conditions).toMatchObject([
      { status: 'False', reason: 'PluralConflict' },
      { status: 'False' },
    ]);
    const ingress = {
      metadata: { name: 'i' },
      spec: { defaultBackend: { service: { name: 's', port: { number: 1 } } } },
    };
    const url = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';
    expect(await call('POST', url, ingress)).toMatchObject({ code: 201, kind: 'Ingress' });
    await call('DELETE', `${definitionsUrl}/${metadata.name}`);
    await settle();
    expect(await call('GET', `${definitionsUrl}/${metadata.name}`)).toMatchObject({ code: 404 });
    expect(await call('GET', `${url}/i`)).toMatchObject({ code: 200 });
  });

  test('takes its objects along, the last of them when its finalizers are gone', async () => {
    await define(sized);
    await call('POST', widgetsUrl, widget({ size: 1 }));
    const kept = { metadata: { name: 'kept', finalizers: ['example.com/mine'] } };
    await call('POST', widgetsUrl, widget({ size: 1 }, kept));
    expect(await call('DELETE', definitionUrl)).toMatchObject({
      metadata: { finalizers: ['customresourcecleanup.apiextensions.k8s.io'] },
    });
    await settle();
    const { items } = await call('GET', widgetsUrl);
    expect(items.map((o: JsonObject) => o.metadata.name)).toEqual(['kept']);
    const { status } = await call('GET', definitionUrl);
    expect(status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Terminating', status: 'True' }),
    );
    expect(await call('POST', widgetsUrl, widget({ size: 1 }))).toMatchObject({
      code: 405,
      message: 'create not allowed while custom resource definition is terminating',
    });
    await call('PATCH', `${widgetsUrl}/kept`, { metadata: { finalizers: null } }, mergePatch);
    await settle();
    expect(await call('GET', definitionUrl)).toMatchObject({ code: 404 });
    expect(await call('GET', widgetsUrl)).toMatchObject({ code: 404 });
  });

  test('of cluster scope has objects without a namespace', async () => {
    await define(sized, {}, { scope: 'Cluster' });
    const made = await call('POST', '/apis/example.com/v1/widgets', widget({ size: 1 }));
    expect(made).toMatchObject({ code: 201, metadata: { name: 'w' } });
    expect(await call('GET', widgetsUrl)).toMatchObject({ code: 404 });
  });
});

async function raw(path: string): Promise<JsonObject> {
  const response = await server().handle({ method: 'GET', path, query: new URLSearchParams() });
  return JSON.parse(String('raw' in response ? response.raw : ''));
}

describe('an object', () => {
  test('is pruned and defaulted, and its unknown fields are told or refused', async () => {
    await define(sized);
    const given = widget({ size: 1, sise: 2 }, { extra: 1 });
    const strict = await call('POST', `${widgetsUrl}?fieldValidation=Strict`, given);
    expect(strict).toMatchObject({
      code: 400,
      message:
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "extra", unknown field "spec.sise"',
    });
    const made = await call('POST', widgetsUrl, given);
    expect(made.spec).toEqual({ size: 1, color: 'red' });
    expect(made.extra).toBeUndefined();
    expect(made.warnings).toEqual(['unknown field "extra"', 'unknown field "spec.sise"']);
    expect(
      (await call('POST', `${widgetsUrl}?fieldValidation=Ignore`, { ...given, metadata: { name: 'b' } }))
        .warnings,
    ).toEqual([]);
  });

  test('gets defaults that came after it when it is read', async () => {
    await define(sized);
    await call('POST', widgetsUrl, widget({ size: 1 }));
    const later = structuredClone(sized) as { properties: { spec: { properties: JsonObject } } };
    later.properties.spec.properties.shape = { type: 'string', default: 'round' };
    delete later.properties.spec.properties.color;
    const versions = [versionOf(later as JsonSchema)];
    expect(await call('PATCH', definitionUrl, { spec: { versions } }, mergePatch)).toMatchObject({
      code: 200,
    });
    expect((await call('GET', `${widgetsUrl}/w`)).spec).toEqual({ size: 1, shape: 'round' });
    expect((await call('GET', widgetsUrl)).items[0].spec).toEqual({ size: 1, shape: 'round' });
  });

  test('that does not fit is refused in the words of Kubernetes', async () => {
    await define(sized);
    expect(await call('POST', widgetsUrl, widget({ size: 0 }))).toMatchObject({
      code: 422,
      message:
        'Widget.example.com "w" is invalid: spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1',
      details: {
        group: 'example.com',
        kind: 'Widget',
        causes: [{ reason: 'FieldValueInvalid', field: 'spec.size' }],
      },
    });
    expect(await call('POST', widgetsUrl, widget({}))).toMatchObject({
      message: 'Widget.example.com "w" is invalid: spec.size: Required value',
    });
    expect(
      await call('POST', widgetsUrl, { ...widget({ size: 1 }), metadata: { name: 'w', labels: 5 } }),
    ).toMatchObject({ code: 400 });
    expect(await call('POST', widgetsUrl, widget({ size: 1 }, { metadata: { name: 'W' } }))).toMatchObject({
      code: 422,
    });
  });

  test('may keep what was right once', async () => {
    await define(free);
    await call('POST', widgetsUrl, widget({ size: 0, color: 'x' }));
    const versions = [versionOf(sized)];
    await call('PATCH', definitionUrl, { spec: { versions } }, mergePatch);
    expect(await call('PATCH', `${widgetsUrl}/w`, { spec: { color: 'blue' } }, mergePatch)).toMatchObject({
      code: 200,
    });
    expect(await call('PATCH', `${widgetsUrl}/w`, { spec: { size: -1 } }, mergePatch)).toMatchObject({
      code: 422,
    });
  });

  test('is patched by merge and by JSON patch, and not strategically', async () => {
    await define(sized);
    await call('POST', widgetsUrl, widget({ size: 1 }));
    const url = `${widgetsUrl}/w`;
    expect(await call('PATCH', url, { spec: { size: 2 } }, mergePatch)).toMatchObject({
      spec: { size: 2, color: 'red' },
    });
    const operations = [{ op: 'replace', path: '/spec/color', value: 'blue' }];
    expect(await call('PATCH', url, operations, jsonPatch)).toMatchObject({
      spec: { size: 2, color: 'blue' },
    });
    const refused = await call('PATCH', url, { spec: { size: 3 } }, strategicMergePatch);
    expect(refused).toMatchObject({
      code: 415,
      message:
        'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
    });
  });

  test('has to say which state it updates', async () => {
    await define(sized);
    const { metadata } = await call('POST', widgetsUrl, widget({ size: 1 }));
    const url = `${widgetsUrl}/w`;
    expect(await call('PUT', url, widget({ size: 2 }))).toMatchObject({
      code: 422,
      message:
        'Widget.example.com "w" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    });
    expect(await call('PUT', url, widget({ size: 2 }, { metadata }))).toMatchObject({
      code: 200,
      metadata: { generation: 2 },
    });
    expect(await call('PUT', url, widget({ size: 3 }, { metadata }))).toMatchObject({ code: 409 });
  });

  test('is watched, and gone for its watchers when its definition goes', async () => {
    await define(sized);
    const response = await server().handle({
      method: 'GET',
      path: '/apis/example.com/v1/widgets',
      query: new URLSearchParams({ watch: 'true' }),
    });
    if (!('events' in response)) throw new Error('no watch');
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { type, object } of response.events as AsyncIterable<StreamEvent>)
        seen.push(`${type} ${(object as JsonObject).metadata.name}`);
    })();
    await call('POST', widgetsUrl, widget({ size: 1 }));
    await call('DELETE', definitionUrl);
    await reading;
    expect(seen).toEqual(['ADDED w', 'DELETED w']);
  });

  test('goes with its namespace, and with its owner', async () => {
    await define(sized);
    await call('POST', '/api/v1/namespaces', { metadata: { name: 'n' } });
    const url = widgetsUrl.replace('default', 'n');
    const { metadata } = await call('POST', url, widget({ size: 1 }));
    const { apiVersion, kind } = widget({});
    const ownerReferences = [{ apiVersion, kind, name: 'w', uid: metadata.uid }];
    await call('POST', url, widget({ size: 1 }, { metadata: { name: 'owned', ownerReferences } }));
    await call('DELETE', `${url}/w`);
    await settle();
    expect((await call('GET', url)).items).toEqual([]);
    await call('POST', url, widget({ size: 1 }));
    await call('DELETE', '/api/v1/namespaces/n');
    await settle();
    expect(await call('GET', '/api/v1/namespaces/n')).toMatchObject({ code: 404 });
  });
});

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
    expect((await call('GET', old)).warnings).toEqual(['example.com/v1beta1 Widget is deprecated']);
    expect((await call('GET', `${widgetsUrl}/w`)).warnings).toEqual([]);
  });

  test('that a webhook converts are refused, but for the one that is stored', async () => {
    const webhook = { clientConfig: { url: 'https://example.com/' }, conversionReviewVersions: ['v1'] };
    const made = await define(sized, {}, two({ conversion: { strategy: 'Webhook', webhook } }));
    expect(made.warnings).toEqual([
      'conversion webhooks are not called by this server: only v1, the storage version, can be used',
    ]);
    expect(await call('POST', widgetsUrl, widget({ size: 1 }))).toMatchObject({ code: 201 });
    expect(await call('GET', old)).toMatchObject({
      code: 501,
      message:
        'widgets.example.com are converted to v1beta1 by a webhook, and this server calls none: use v1',
    });
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

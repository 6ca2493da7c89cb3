import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { mergePatch, useTestServer } from '../test-server.ts';
import type { JsonSchema } from './schema/json-schema.ts';
import { definer, definitionsUrl, sized, specOf, widget, widgets, widgetsUrl } from './test-definitions.ts';

const api = useTestServer();
const { call, server, settle } = api;
const define = definer(api);
const definitionUrl = `${definitionsUrl}/widgets.example.com`;

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

import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import type { StreamEvent } from '../rest/watch-stream.ts';
import { mergePatch, strategicMergePatch, useTestServer } from '../test-server.ts';
import type { JsonSchema } from './schema/json-schema.ts';
import { definer, definitionsUrl, free, sized, versionOf, widget, widgetsUrl } from './test-definitions.ts';

const api = useTestServer();
const { call, server, settle } = api;
const define = definer(api);
const definitionUrl = `${definitionsUrl}/widgets.example.com`;
const jsonPatch = { contentType: 'application/json-patch+json' };

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
        'widgets.example.com "w" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
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

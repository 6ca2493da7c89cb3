/** What kube-apiserver 1.36.3 answered in these places (tests/e2e/differential). */
import { expect, test } from 'vitest';
import { mergePatch, useTestServer } from '../test-server.ts';
import {
  definer,
  definitionsUrl,
  free,
  specOf,
  versionOf,
  widget,
  widgets,
  widgetsUrl,
} from './test-definitions.ts';

const server = useTestServer();
const { call } = server;
const define = definer(server);
const causesOf = ({ details }: { details?: { causes?: { field: string; message: string }[] } }) =>
  (details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);

test('a whole number is no multiple of less than one', async () => {
  await define(specOf({ type: 'object', properties: { n: { type: 'number', multipleOf: 0.5 } } }));
  expect(await call('POST', widgetsUrl, widget({ n: 1.5 }))).toMatchObject({ code: 201 });
  expect(causesOf(await call('POST', widgetsUrl, widget({ n: 10 })))).toEqual([
    'spec.n: Invalid value: 0: factor MultipleOf declared for spec.n must be positive: 0',
  ]);
});

test("a rule's field is shown as other fields are", async () => {
  const m = { type: 'object', additionalProperties: { type: 'string' } };
  const rule = { rule: 'false', fieldPath: ".m['a.b']", message: 'no' };
  await define(specOf({ type: 'object', properties: { m }, 'x-kubernetes-validations': [rule] }));
  expect(causesOf(await call('POST', widgetsUrl, widget({ m: {} })))).toEqual([
    'spec.m[a.b]: Invalid value: no',
  ]);
});

test('metadata of a resource within is told of as a whole', async () => {
  const pod = {
    type: 'object',
    'x-kubernetes-embedded-resource': true,
    'x-kubernetes-preserve-unknown-fields': true,
  };
  await define(specOf({ type: 'object', properties: { pod } }));
  const within = (metadata: unknown) =>
    call('POST', widgetsUrl, widget({ pod: { apiVersion: 'v1', kind: 'Pod', metadata } }));
  const cannot = 'Widget in version "v1" cannot be handled as a Widget: spec.pod.metadata: Invalid value:';
  expect(await within({ name: 'p', labels: { a: 1 } })).toMatchObject({
    code: 400,
    message: `${cannot} {"labels":{"a":1},"name":"p"}: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string`,
  });
  expect(await within('n')).toMatchObject({
    code: 400,
    message: `${cannot} "n": json: cannot unmarshal string into Go value of type v1.ObjectMeta`,
  });
});

test('unknown fields are told of the root first, and of resources within last', async () => {
  const pod = { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { spec: free } };
  await define(specOf({ type: 'object', properties: { pod } }));
  const sent = {
    ...widget({ pod: { apiVersion: 'v1', kind: 'Pod', metadata: { x: 1 }, y: 1 } }),
    metadata: { name: 'w', z: 1 },
  };
  const { warnings } = await call('POST', widgetsUrl, sent);
  expect(warnings).toEqual([
    'unknown field "metadata.z"',
    'unknown field "spec.pod.y"',
    'unknown field "spec.pod.metadata.x"',
  ]);
});

test('a default of a resource has to be one', async () => {
  const pod = {
    type: 'object',
    'x-kubernetes-embedded-resource': true,
    properties: { spec: free },
    default: { kind: 'Pod' },
  };
  expect(causesOf(await define(specOf({ type: 'object', properties: { pod } })))).toEqual([
    'spec.validation.openAPIV3Schema.properties[spec].properties[pod].default.apiVersion: Required value',
  ]);
});

test('scale of what does not say how many it wants, and of less than none', async () => {
  const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' };
  await define(free, { subresources: { scale } });
  await call('POST', widgetsUrl, widget({}));
  expect(await call('GET', `${widgetsUrl}/w/scale`)).toMatchObject({
    code: 500,
    message: 'Internal error occurred: the spec replicas field ".spec.replicas" does not exist',
  });
  await call('PATCH', `${widgetsUrl}/w`, { spec: { replicas: 1 } }, mergePatch);
  const less = await call('PATCH', `${widgetsUrl}/w/scale`, { spec: { replicas: -1 } }, mergePatch);
  expect(less.message).toBe(
    'Widget.example.com "w" is invalid: .spec.replicas: Invalid value: -1: should be a non-negative integer',
  );
});

const numbers = (...names: string[]) =>
  specOf({
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, { type: 'integer', default: 2 }])),
  });

test('what is stored in another version has the defaults of that one', async () => {
  await define(numbers('a'));
  await call('POST', widgetsUrl, widget({ a: 1 }));
  const versions = [
    versionOf(numbers('a'), { storage: false }),
    versionOf(numbers('a', 'b'), { name: 'v2' }),
  ];
  await call('PATCH', `${definitionsUrl}/widgets.example.com`, { spec: { versions } }, mergePatch);
  const v2 = `${widgetsUrl.replace('v1', 'v2')}/w`;
  expect((await call('GET', v2)).spec).toEqual({ a: 1 });
  await call('PATCH', v2, { spec: { a: 3 } }, mergePatch);
  expect((await call('GET', v2)).spec).toEqual({ a: 3, b: 2 });
});

test('a definition always has the version that it stores, and goes without grace', async () => {
  await call('POST', definitionsUrl, widgets(free));
  const url = `${definitionsUrl}/widgets.example.com`;
  const none = await call('PATCH', `${url}/status`, { status: { storedVersions: [] } }, mergePatch);
  expect(none.status.storedVersions).toEqual(['v1']);
  const { metadata } = await call('DELETE', url);
  expect(metadata).toMatchObject({ generation: 1, deletionTimestamp: expect.any(String) });
  expect(metadata.deletionGracePeriodSeconds).toBeUndefined();
});

import { expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { useTestServer } from '../test-server.ts';
import type { JsonSchema } from './schema/json-schema.ts';
import { definitionsUrl, specOf, versionOf, widget, widgets, widgetsUrl } from './test-definitions.ts';

const { call } = useTestServer();
const url = `${widgetsUrl}/w`;
const port: JsonSchema = {
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string' }, number: { type: 'integer' } },
};
const schemaWith = (more: Record<string, JsonSchema>) =>
  specOf({
    type: 'object',
    properties: {
      ...more,
      color: { type: 'string', default: 'red' },
      ports: {
        type: 'array',
        items: port,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      },
      tags: { type: 'array', items: { type: 'string' } },
    },
    'x-kubernetes-validations': [{ rule: "self.color != 'green'", message: 'not green' }],
  });
const schema = schemaWith({});

const apply = (manager: string, spec: JsonObject, force = false) =>
  call('PATCH', `${url}?fieldManager=${manager}&force=${force}`, widget(spec), {
    contentType: 'application/apply-patch+yaml',
  });

test('what is applied is merged by the schema of the definition, and the fields of others are theirs', async () => {
  await call('POST', definitionsUrl, widgets(schema));
  const one = { ports: [{ name: 'a', number: 1 }], tags: ['x'] };
  expect(await apply('one', one)).toMatchObject({ code: 201, spec: { ...one, color: 'red' } });
  const both = await apply('two', { ports: [{ name: 'b', number: 2 }] });
  expect(both).toMatchObject({
    code: 200,
    spec: {
      ports: [
        { name: 'a', number: 1 },
        { name: 'b', number: 2 },
      ],
    },
  });
  expect(both.metadata.managedFields).toMatchObject([
    { manager: 'one', apiVersion: 'example.com/v1' },
    { manager: 'two', fieldsV1: { 'f:spec': { 'f:ports': { 'k:{"name":"b"}': { 'f:number': {} } } } } },
  ]);
  const conflict = await apply('two', { tags: ['y'] });
  expect(conflict).toMatchObject({ code: 409 });
  expect(conflict.message).toContain('conflict with "one": .spec.tags');
  expect(await apply('two', { tags: ['y'] }, true)).toMatchObject({
    spec: { tags: ['y'], ports: [{ name: 'a', number: 1 }] },
  });
});

test('what is applied obeys schema and rules', async () => {
  await call('POST', definitionsUrl, widgets(schema));
  expect((await apply('one', { color: 'green' })).message).toContain('not green');
  const unknown = await apply('one', { colour: 'blue' });
  expect(unknown).toMatchObject({ code: 500 });
  expect(unknown.message).toContain('.spec.colour: field not declared in schema');
});

test('a changed schema is what the next apply goes by', async () => {
  await call('POST', definitionsUrl, widgets(schema));
  await apply('one', { color: 'blue' });
  const wider = schemaWith({ size: { type: 'integer' } });
  await call(
    'PATCH',
    `${definitionsUrl}/widgets.example.com`,
    { spec: { versions: [versionOf(wider)] } },
    { contentType: 'application/merge-patch+json' },
  );
  expect(await apply('one', { color: 'blue', size: 2 })).toMatchObject({ code: 200, spec: { size: 2 } });
});

import { expect, test } from 'vitest';
import { builtInResources } from '../registry/registry.ts';
import type { Resource } from '../registry/resource.ts';
import { presentationOf } from './presentation.ts';

const own = builtInResources.find(({ kind }) => kind === 'Pod')!;
const custom: Resource = { ...own, mergesStrategically: false };
const query = new URLSearchParams();
const protobuf = 'application/vnd.kubernetes.protobuf';

test.each<[string, string | undefined, Resource, object]>([
  ['JSON where nothing is said', undefined, own, { as: 'object' }],
  ['protobuf before JSON', `${protobuf},application/json`, own, { as: 'object', protobuf: true }],
  ['protobuf to watch', `${protobuf};stream=watch`, own, { as: 'object', protobuf: true }],
  ['JSON before protobuf', `application/json,${protobuf}`, own, { as: 'object' }],
  ['JSON of a custom resource', `${protobuf}, application/json`, custom, { as: 'object' }],
  [
    'a table, which is JSON alone',
    `${protobuf};as=Table;g=meta.k8s.io;v=v1,application/json;as=Table;g=meta.k8s.io;v=v1`,
    own,
    { as: 'Table' },
  ],
])('%s', (_, accept, resource, expected) => {
  const found = presentationOf(resource, { accept, query });
  expect(found).toMatchObject(expected);
  expect(found.protobuf).toBe((expected as { protobuf?: true }).protobuf);
});

test('custom resources are not to be had in protobuf', () => {
  expect(() => presentationOf(custom, { accept: protobuf, query })).toThrow('only the following media types');
});

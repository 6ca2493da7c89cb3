import { describe, expect, test } from 'vitest';
import { loadDefinitions } from '../schema/definitions.ts';
import { jsonPatch } from './json-patch.ts';
import { strategicMergePatch } from './strategic-merge-patch.ts';

const definitions = await loadDefinitions();
const pod = 'io.k8s.api.core.v1.Pod';
const deployment = 'io.k8s.api.apps.v1.Deployment';

const strategic: { what: string; definition?: string; object: object; patch: object; result: object }[] = [
  {
    what: 'containers are merged by name, others stay',
    object: {
      spec: {
        containers: [
          { name: 'a', image: '1' },
          { name: 'b', image: '1' },
        ],
      },
    },
    patch: {
      spec: {
        containers: [
          { name: 'b', image: '2' },
          { name: 'c', image: '3' },
        ],
      },
    },
    result: {
      spec: {
        containers: [
          { name: 'a', image: '1' },
          { name: 'b', image: '2' },
          { name: 'c', image: '3' },
        ],
      },
    },
  },
  {
    what: '$patch: delete takes an element out',
    object: { spec: { containers: [{ name: 'a' }, { name: 'b' }] } },
    patch: { spec: { containers: [{ name: 'a', $patch: 'delete' }] } },
    result: { spec: { containers: [{ name: 'b' }] } },
  },
  {
    what: '$patch: replace in a list replaces all of it',
    object: { spec: { containers: [{ name: 'a' }, { name: 'b' }] } },
    patch: { spec: { containers: [{ $patch: 'replace' }, { name: 'c' }] } },
    result: { spec: { containers: [{ name: 'c' }] } },
  },
  {
    what: '$patch: replace may give a list whose key occurs twice',
    definition: 'io.k8s.api.core.v1.Service',
    object: { spec: { ports: [{ port: 53, protocol: 'UDP' }] } },
    patch: {
      spec: { ports: [{ port: 53, protocol: 'UDP' }, { port: 53, protocol: 'TCP' }, { $patch: 'replace' }] },
    },
    result: {
      spec: {
        ports: [
          { port: 53, protocol: 'UDP' },
          { port: 53, protocol: 'TCP' },
        ],
      },
    },
  },
  {
    what: '$patch: replace in a map replaces the map',
    object: { metadata: { labels: { a: '1', b: '2' } } },
    patch: { metadata: { labels: { $patch: 'replace', c: '3' } } },
    result: { metadata: { labels: { c: '3' } } },
  },
  {
    what: 'null removes a field',
    object: { metadata: { labels: { a: '1', b: '2' } } },
    patch: { metadata: { labels: { a: null } } },
    result: { metadata: { labels: { b: '2' } } },
  },
  {
    what: 'lists without a merge key are replaced',
    object: { spec: { containers: [{ name: 'a', args: ['1', '2'] }] } },
    patch: { spec: { containers: [{ name: 'a', args: ['3'] }] } },
    result: { spec: { containers: [{ name: 'a', args: ['3'] }] } },
  },
  {
    what: 'finalizers are a set',
    object: { metadata: { finalizers: ['a/x'] } },
    patch: { metadata: { finalizers: ['a/x', 'a/y'] } },
    result: { metadata: { finalizers: ['a/x', 'a/y'] } },
  },
  {
    what: '$deleteFromPrimitiveList takes values out of a set',
    object: { metadata: { finalizers: ['a/x', 'a/y'] } },
    patch: { metadata: { '$deleteFromPrimitiveList/finalizers': ['a/x'] } },
    result: { metadata: { finalizers: ['a/y'] } },
  },
  {
    what: '$setElementOrder orders what the client knows; the rest stays between',
    object: { spec: { containers: [{ name: 'a' }, { name: 'server' }, { name: 'b' }] } },
    patch: {
      spec: {
        '$setElementOrder/containers': [{ name: 'b' }, { name: 'new' }, { name: 'a' }],
        containers: [{ name: 'new' }],
      },
    },
    result: { spec: { containers: [{ name: 'server' }, { name: 'b' }, { name: 'new' }, { name: 'a' }] } },
  },
  {
    what: '$retainKeys clears the other members of a union',
    definition: deployment,
    object: { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } },
    patch: { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
    result: { spec: { strategy: { type: 'Recreate' } } },
  },
  {
    what: 'ports of Services merge by port',
    definition: 'io.k8s.api.core.v1.Service',
    object: { spec: { ports: [{ port: 80, name: 'a' }, { port: 81 }] } },
    patch: { spec: { ports: [{ port: 80, targetPort: 8080 }] } },
    result: { spec: { ports: [{ port: 80, name: 'a', targetPort: 8080 }, { port: 81 }] } },
  },
];

describe('strategic merge patch', () => {
  test.each(strategic)('$what', ({ definition = pod, object, patch, result }) => {
    const before = structuredClone(object);
    expect(strategicMergePatch(object, patch, { definition, definitions })).toEqual(result);
    expect(object).toEqual(before);
  });

  test('an element without its merge key is refused', () => {
    const patch = { spec: { containers: [{ image: 'x' }] } };
    expect(() => strategicMergePatch({}, patch, { definition: pod, definitions })).toThrow('merge key: name');
  });
});

const json: { what: string; patch: object[]; result: object | string }[] = [
  { what: 'add a member', patch: [{ op: 'add', path: '/b', value: 1 }], result: { a: [1, 2], b: 1 } },
  { what: 'add into a list', patch: [{ op: 'add', path: '/a/1', value: 9 }], result: { a: [1, 9, 2] } },
  { what: 'add at the end', patch: [{ op: 'add', path: '/a/-', value: 9 }], result: { a: [1, 2, 9] } },
  { what: 'remove', patch: [{ op: 'remove', path: '/a/0' }], result: { a: [2] } },
  { what: 'replace', patch: [{ op: 'replace', path: '/a', value: 'x' }], result: { a: 'x' } },
  { what: 'move', patch: [{ op: 'move', from: '/a', path: '/b' }], result: { b: [1, 2] } },
  { what: 'copy', patch: [{ op: 'copy', from: '/a/0', path: '/b' }], result: { a: [1, 2], b: 1 } },
  { what: 'escapes', patch: [{ op: 'add', path: '/x~1y~0', value: 1 }], result: { a: [1, 2], 'x/y~': 1 } },
  { what: 'a test that fails', patch: [{ op: 'test', path: '/a/0', value: 2 }], result: 'test failed' },
  { what: 'a missing path', patch: [{ op: 'remove', path: '/z' }], result: 'missing path: /z' },
  {
    what: 'an index out of range',
    patch: [{ op: 'add', path: '/a/3', value: 1 }],
    result: 'invalid index: 3',
  },
  {
    what: 'copies of copies',
    patch: Array.from({ length: 40 }, () => ({ op: 'copy', from: '/a', path: '/a/-' })),
    result: 'the copies of a JSON patch are larger',
  },
  {
    what: 'more operations than anyone needs',
    patch: Array(10_001).fill({ op: 'test', path: '/a/0', value: 1 }),
    result: 'allowed maximum operations in a JSON patch is 10000',
  },
  {
    what: 'a prototype',
    patch: [{ op: 'add', path: '/__proto__', value: {} }],
    result: '"__proto__" is not',
  },
  { what: 'what every object has', patch: [{ op: 'toString', path: '/a' }], result: 'Unexpected kind' },
  { what: 'an unknown operation', patch: [{ op: 'grow', path: '/a' }], result: 'Unexpected kind: grow' },
];

describe('JSON patch', () => {
  test.each(json)('$what', ({ patch, result }) => {
    const apply = () => jsonPatch({ a: [1, 2] }, patch);
    if (typeof result === 'string') expect(apply).toThrow(result);
    else expect(apply()).toEqual(result);
  });
});

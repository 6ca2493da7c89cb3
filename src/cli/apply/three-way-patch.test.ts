import { describe, expect, test } from 'vitest';
import { mergeSchemaOf } from './merge-schema.ts';
import { threeWayPatch } from './three-way-patch.ts';

type Fields = Record<string, unknown>;
const schemas = {
  Pod: await mergeSchemaOf({ group: '', version: 'v1', kind: 'Pod' }),
  Service: await mergeSchemaOf({ group: '', version: 'v1', kind: 'Service' }),
  Deployment: await mergeSchemaOf({ group: 'apps', version: 'v1', kind: 'Deployment' }),
};
const strategic = (
  original: Fields | undefined,
  modified: Fields,
  current: Fields,
  kind: keyof typeof schemas = 'Pod',
) => threeWayPatch({ original, modified, current }, schemas[kind]);

const pod = (...containers: Fields[]) => ({ spec: { containers } });

describe('the patch that makes the live object follow the manifest', () => {
  test.each([
    {
      what: 'nothing changed',
      original: { a: 1 },
      modified: { a: 1 },
      current: { a: 1, added: 2 },
      patch: undefined,
    },
    { what: 'a field is set', original: { a: 1 }, modified: { a: 2 }, current: { a: 1 }, patch: { a: 2 } },
    {
      what: 'a field that was ours is gone',
      original: { a: 1, b: 1 },
      modified: { a: 1 },
      current: { a: 1, b: 1 },
      patch: { b: null },
    },
    {
      what: 'a field that was ours is gone already',
      original: { b: 1 },
      modified: {},
      current: {},
      patch: undefined,
    },
    {
      what: 'a field of others stays',
      original: {},
      modified: {},
      current: { replicas: 3 },
      patch: undefined,
    },
    {
      what: 'null in the manifest deletes',
      original: { a: 1 },
      modified: { a: null },
      current: { a: 1 },
      patch: { a: null },
    },
    {
      what: 'somebody changed what is ours',
      original: { a: 1 },
      modified: { a: 1 },
      current: { a: 9 },
      patch: { a: 1 },
    },
    {
      what: 'order of fields is no change',
      original: undefined,
      modified: { l: [{ a: 1, b: 2 }] },
      current: { l: [{ b: 2, a: 1 }] },
      patch: undefined,
    },
    {
      what: 'a plain list is replaced',
      original: undefined,
      modified: { args: ['b'] },
      current: { args: ['a'] },
      patch: { args: ['b'] },
    },
  ])('$what', ({ original, modified, current, patch }) => {
    expect(strategic(original, modified, current)).toEqual(patch);
  });

  test('containers are merged by name: defaults stay, one that is gone is deleted', () => {
    const original = pod({ name: 'a', image: '1' }, { name: 'b', image: '1' });
    const modified = pod({ name: 'a', image: '2' });
    const current = pod(
      { name: 'a', image: '1', imagePullPolicy: 'Always' },
      { name: 'b', image: '1' },
      { name: 'injected' },
    );
    expect(strategic(original, modified, current)).toEqual(
      pod({ $patch: 'delete', name: 'b' }, { name: 'a', image: '2' }),
    );
  });

  test('a new list item comes whole', () => {
    const modified = pod({
      name: 'a',
      env: [
        { name: 'X', value: '1' },
        { name: 'Y', value: '2' },
      ],
    });
    const current = pod({ name: 'a', env: [{ name: 'X', value: '1' }] });
    expect(strategic(undefined, modified, current)).toEqual(
      pod({ name: 'a', env: [{ name: 'Y', value: '2' }] }),
    );
  });

  test('ports of a Service keep the node port that was allocated', () => {
    const modified = { spec: { ports: [{ port: 80, name: 'web' }] } };
    const current = { spec: { ports: [{ port: 80, nodePort: 30001, protocol: 'TCP' }] } };
    expect(strategic(undefined, modified, current, 'Service')).toEqual({
      spec: { ports: [{ port: 80, name: 'web' }] },
    });
  });

  describe('one port number for two protocols', () => {
    const ports = (...protocols: string[]) => ({
      spec: { ports: protocols.map((protocol) => ({ name: protocol, port: 53, protocol })) },
    });
    const live = {
      spec: { ports: ports('UDP', 'TCP').spec.ports.map((p, i) => ({ ...p, nodePort: 30000 + i })) },
    };
    const replaced = (...protocols: string[]) => ({
      spec: { ports: [...ports(...protocols).spec.ports, { $patch: 'replace' }] },
    });

    test('the list is replaced as a whole', () => {
      expect(strategic(ports('UDP'), ports('UDP', 'TCP'), ports('UDP'), 'Service')).toEqual(
        replaced('UDP', 'TCP'),
      );
      expect(strategic(ports('UDP', 'TCP'), ports('TCP'), live, 'Service')).toEqual(replaced('TCP'));
    });

    test('nothing is sent when nothing changed', () => {
      expect(strategic(ports('UDP', 'TCP'), ports('UDP', 'TCP'), live, 'Service')).toBeUndefined();
    });
  });

  test('of a set, what is new is added and what was ours is removed', () => {
    const finalizers = (...names: string[]) => ({ metadata: { finalizers: names } });
    expect(strategic(finalizers('a', 'b'), finalizers('b', 'c'), finalizers('a', 'b', 'theirs'))).toEqual({
      metadata: { finalizers: ['c'], '$deleteFromPrimitiveList/finalizers': ['a'] },
    });
  });

  test('a changed strategy drops what was defaulted for the old one', () => {
    const current = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%' } } } };
    expect(strategic(undefined, { spec: { strategy: { type: 'Recreate' } } }, current, 'Deployment')).toEqual(
      {
        spec: { strategy: { type: 'Recreate', $retainKeys: ['type'] } },
      },
    );
  });

  test('other kinds get a JSON merge patch', () => {
    const objects = {
      original: undefined,
      modified: pod({ name: 'a' }),
      current: pod({ name: 'a' }, { name: 'b' }),
    };
    expect(threeWayPatch(objects, undefined)).toEqual(pod({ name: 'a' }));
  });
});

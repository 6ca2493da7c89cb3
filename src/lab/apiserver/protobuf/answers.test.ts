import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../kube/meta.ts';
import { deepFreeze } from '../json.ts';
import { encodeAnswer, encodeFrame } from './answers.ts';
import { decodeObject } from './envelope.ts';
import { loadMessageTypes } from './message-types.ts';
import { WireReader } from './wire-reader.ts';

const configMap = (name: string, data: Record<string, string> = {}) =>
  deepFreeze({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });

async function bytesOf(body: unknown): Promise<Buffer> {
  return Buffer.concat([...Iterator.from((await encodeAnswer(body))!)]);
}

describe('an answer in protobuf', () => {
  test.each<[string, object]>([
    ['letters of all lengths', configMap('a', { k: 'ü日😀', long: 'x'.repeat(300_000), '': '' })],
    ['numbers', { apiVersion: 'v1', kind: 'Status', code: -2147483648, metadata: {}, message: 'x' }],
    [
      'large and negative numbers',
      {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'l', generation: 2 ** 53 - 1 },
        spec: { leaseTransitions: -1, renewTime: '2026-11-26T10:00:00.000001Z' },
      },
    ],
    ['bytes', { apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { a: 'AAH/', b: '' }, type: 'Opaque' }],
    [
      'a port by name, rights and JSON as it is',
      {
        apiVersion: 'apps/v1',
        kind: 'ControllerRevision',
        metadata: { managedFields: [{ fieldsV1: { 'f:data': {} } }] },
        data: { any: [1, null, 'x'] },
        revision: 0,
      },
    ],
  ])('has %s', async (_, object) => {
    expect(await decodeObject(await bytesOf(object))).toEqual(object);
  });

  test('leaves out what the kind has not', async () => {
    const more = { ...configMap('a', { b: 'c' }), unheardOf: 1 };
    expect(await decodeObject(await bytesOf(more))).toEqual(configMap('a', { b: 'c' }));
  });

  test('is in pieces where it is a long list, whose items do not say their kind', async () => {
    const items = Array.from({ length: 300 }, (_, i) => configMap(`c-${i}`, { k: 'x'.repeat(1000) }));
    const list = { apiVersion: 'v1', kind: 'ConfigMapList', metadata: { resourceVersion: '7' }, items };
    const pieces = [...Iterator.from((await encodeAnswer(list))!)];
    expect(pieces.length).toBeGreaterThan(3);
    const plain = items.map(({ metadata, data }) => ({ metadata, data }));
    expect(await decodeObject(Buffer.concat(pieces))).toEqual({ ...list, items: plain });
  });

  test('is a list without anything', async () => {
    const list = { apiVersion: 'v1', kind: 'PodList', metadata: { resourceVersion: '7' }, items: [] };
    expect(await decodeObject(await bytesOf(list))).toEqual({ ...list, items: null });
  });

  test.each([
    ['a table', { kind: 'Table', apiVersion: 'meta.k8s.io/v1', rows: [] }],
    ['a custom resource', { kind: 'Widget', apiVersion: 'example.com/v1', metadata: {} }],
    ['no object', ['x']],
  ])('there is none for %s', async (_, body) => {
    expect(await encodeAnswer(body)).toBeUndefined();
  });
});

test('an event of a watch comes after its length, and is made once for all watchers', async () => {
  const object = configMap('a') as unknown as KubeObject;
  const types = await loadMessageTypes();
  const frame = Buffer.from(encodeFrame(types, { type: 'MODIFIED', object }));
  expect(frame.readUInt32BE()).toBe(frame.length - 4);
  const event = new WireReader(frame, 4);
  event.nextField();
  expect(event.string()).toBe('MODIFIED');
  event.nextField();
  const extension = event.part();
  extension.nextField();
  const { position, end } = extension.part();
  expect(await decodeObject(frame.subarray(position, end))).toMatchObject({ metadata: { name: 'a' } });
  expect(encodeFrame(types, { type: 'MODIFIED', object })).toBe(
    encodeFrame(types, { type: 'MODIFIED', object }),
  );
  expect(encodeFrame(types, { type: 'DELETED', object })).not.toEqual(frame);
});

import { describe, expect, test } from 'vitest';
import { message, text } from '../openapi/protobuf.ts';
import { decodeObject } from './envelope.ts';

/** What comes before the object itself. */
const head = (apiVersion: string, kind: string) =>
  Buffer.concat([Buffer.from('k8s\0'), message(1, text(1, apiVersion), text(2, kind))]);

/** An object of the kind from the fields of its message. */
const object = (type: string, ...fields: Buffer[]): Buffer => {
  const [apiVersion = '', kind = ''] = type.split(' ');
  return Buffer.concat([head(apiVersion, kind), message(2, ...fields)]);
};

const metadata = (...fields: Buffer[]) => message(1, ...fields);
const varint = (field: number, ...bytes: number[]) => Buffer.from([field << 3, ...bytes]);
const deep = (levels: number) => {
  // spec.versions[0].schema.openAPIV3Schema, and its `not` in itself.
  let schema: Buffer = Buffer.alloc(0);
  for (let i = 0; i < levels; i++) schema = message(28, schema);
  return object(
    'apiextensions.k8s.io/v1 CustomResourceDefinition',
    message(2, message(7, message(4, message(1, schema)))),
  );
};

describe('an object in protobuf', () => {
  test('has what Go would have written in JSON: zeros that are always there, and nothing of what is empty', async () => {
    expect(await decodeObject(object('apps/v1 Deployment', metadata(text(1, 'web'))))).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: { selector: null, template: { metadata: {}, spec: { containers: null } }, strategy: {} },
      status: {},
    });
  });

  test('has a zero that was sent where one may be absent', async () => {
    const { spec } = await decodeObject(object('apps/v1 Deployment', message(2, varint(1, 0))));
    expect(spec.replicas).toBe(0);
  });

  test('whose message comes in two parts has both, and of a value that comes twice the last', async () => {
    const twice = object('v1 ConfigMap', metadata(text(1, 'a'), text(3, 'n')), metadata(text(1, 'b')));
    expect((await decodeObject(twice)).metadata).toEqual({ name: 'b', namespace: 'n' });
  });

  test('may have fields that nobody knows, groups among them', async () => {
    const group = Buffer.from([0x9b, 0x3e, 0x08, 0x01, 0x9c, 0x3e]);
    const known = await decodeObject(object('v1 ConfigMap', text(900, 'x'), group, metadata(text(1, 'a'))));
    expect(known.metadata).toEqual({ name: 'a' });
  });

  test('is DeleteOptions of whatever version', async () => {
    const options = await decodeObject(object('batch/v1 DeleteOptions', varint(1, 0), text(4, 'Orphan')));
    expect(options).toMatchObject({ gracePeriodSeconds: 0, propagationPolicy: 'Orphan' });
  });

  test('has negative numbers', async () => {
    const minusOne = varint(1, ...new Array<number>(9).fill(0xff), 1);
    expect(await decodeObject(object('v1 DeleteOptions', minusOne))).toMatchObject({
      gracePeriodSeconds: -1,
    });
  });
});

test.each<[string, Buffer, string]>([
  ['nothing but the beginning', Buffer.from('k8s\0'), "Object 'Kind' is missing"],
  ['no version', Buffer.concat([head('', 'Pod')]), "Object 'apiVersion' is missing"],
  ['a custom resource', head('example.com/v1', 'Widget'), 'send custom resources as application/json'],
  [
    'a group that only begins like one of Kubernetes',
    head('apps.example.com/v1', 'Deployment'),
    'no such kind',
  ],
  ['less than it says', Buffer.concat([head('v1', 'Pod'), Buffer.from([0x12, 0x7f, 1])]), 'unexpected EOF'],
  ['a length beyond all memory', Buffer.concat([head('v1', 'Pod'), Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])]), 'negative length'], // biome-ignore format: one line
  ['a number without end', Buffer.concat([head('v1', 'Pod'), Buffer.alloc(11, 0xff)]), 'integer overflow'],
  [
    'a number where a text is due',
    object('v1 ConfigMap', varint(1, 1)),
    'proto: wrong wireType = 0 for field',
  ],
  ['the end of a group that has not begun', object('v1 ConfigMap', Buffer.from([0x0c])), 'end group'],
  ['a group without an end', object('v1 ConfigMap', Buffer.from([0x9b, 0x3e, 0x08, 0x01])), 'unexpected EOF'],
  ['field 0', object('v1 ConfigMap', Buffer.from([0x02, 0])), 'illegal tag 0'],
  [
    'no quantity',
    object('v1 Node', message(3, message(1, text(1, 'cpu'), message(2, text(1, 'x'))))),
    'quantities must',
  ],
  ['a time before all times', object('v1 ConfigMap', metadata(message(8, varint(1, ...new Array<number>(8).fill(0xff), 0x7f)))), 'cannot be told'], // biome-ignore format: one line
  ['no JSON where JSON is due', object('apps/v1 ControllerRevision', message(2, text(1, '{'))), 'JSON'],
  [
    'a name that every object has',
    object('v1 ConfigMap', message(2, text(1, '__proto__'), text(2, 'x'))),
    '__proto__',
  ],
  ['schemas in schemas without end', deep(2000), 'nested deeper than'],
  ['more parts than any object', object('v1 Endpoints', Buffer.alloc(200_002, message(2))), 'parts'],
])('%s is refused', async (_, bytes, why) => {
  await expect(decodeObject(bytes)).rejects.toMatchObject({
    status: { code: 400, message: expect.stringContaining(why) },
  });
});

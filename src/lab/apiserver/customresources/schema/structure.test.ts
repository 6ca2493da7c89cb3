/** What schemas do to objects before anybody checks them: pruning, nulls, defaults; and where paths lead in them. */
import { describe, expect, test } from 'vitest';
import { dropNulls, setDefaults } from './defaulting.ts';
import { schemaAt } from './field-path.ts';
import type { JsonSchema } from './json-schema.ts';
import { prune } from './pruning.ts';

const object = (properties: Record<string, JsonSchema>, more: JsonSchema = {}): JsonSchema => ({
  type: 'object',
  properties,
  ...more,
});
const string: JsonSchema = { type: 'string' };
const keep = { 'x-kubernetes-preserve-unknown-fields': true };

describe('pruning', () => {
  test.each<[string, object, JsonSchema, object, ...string[]]>([
    ['takes out what is not described', { a: 'x', b: { c: 1 } }, object({ a: string }), { a: 'x' }, 'b'],
    [
      'leaves what makes a resource',
      { apiVersion: 'v1', kind: 'K', metadata: { x: 1 } },
      object({}),
      { apiVersion: 'v1', kind: 'K', metadata: { x: 1 } },
    ],
    [
      'looks into lists and maps',
      { l: [{ a: 'x', b: 1 }], m: { k: { b: 1 } } },
      object({
        l: { type: 'array', items: object({ a: string }) },
        m: { type: 'object', additionalProperties: object({ a: string }) },
      }),
      { l: [{ a: 'x' }], m: { k: {} } },
      'l[0].b',
      'm.k.b',
    ],
    [
      'keeps what is to be kept',
      { f: { x: { y: 1 } } },
      object({ f: { type: 'object', ...keep } }),
      { f: { x: { y: 1 } } },
    ],
    [
      'prunes what is described within',
      { f: { x: 1, a: { y: 1 } } },
      object({ f: object({ a: object({}) }, keep) }),
      { f: { x: 1, a: {} } },
      'f.a.y',
    ],
    [
      'keeps the parts of a resource within',
      { r: { kind: 'K', metadata: { x: 1 }, spec: 1, x: 1 } },
      object({ r: object({ spec: string }, { 'x-kubernetes-embedded-resource': true }) }),
      { r: { kind: 'K', metadata: { x: 1 }, spec: 1 } },
      'r.x',
    ],
  ])('%s', (_, value, schema, result, ...unknown) => {
    const pruned = structuredClone(value);
    expect(prune(pruned, schema)).toEqual(unknown);
    expect(pruned).toEqual(result);
  });
});

describe('defaults', () => {
  const schema = object({
    a: { ...string, default: 'A' },
    o: object({ b: { ...string, default: 'B' } }),
    whole: object({ b: { ...string, default: 'B' } }, { default: { c: 1 } }),
    n: { ...string, nullable: true, default: 'N' },
    plain: string,
    l: { type: 'array', items: object({ d: { ...string, default: 'D' } }) },
    m: { type: 'object', additionalProperties: object({ d: { ...string, default: 'D' } }) },
  });

  test.each<[string, object, object]>([
    ['are set where nothing is', {}, { a: 'A', whole: { c: 1, b: 'B' }, n: 'N' }],
    [
      'reach into what is there',
      { o: {}, l: [{}], m: { k: {} } },
      { a: 'A', o: { b: 'B' }, whole: { c: 1, b: 'B' }, n: 'N', l: [{ d: 'D' }], m: { k: { d: 'D' } } },
    ],
    [
      'are for nulls too, where null may not be',
      { a: null, n: null, plain: null },
      { a: 'A', whole: { c: 1, b: 'B' }, n: null },
    ],
  ])('%s', (_, value, result) => {
    const filled = structuredClone(value);
    dropNulls(filled, schema);
    setDefaults(filled, schema);
    expect(filled).toEqual(result);
  });

  test('are copies', () => {
    const [one, other] = [{}, {}] as { whole?: { c: number } }[];
    setDefaults(one, schema);
    one!.whole!.c = 2;
    setDefaults(other, schema);
    expect(other!.whole!.c).toBe(1);
  });
});

describe('a path into a schema', () => {
  const schema = object({
    a: object({ 'x.y': string }),
    m: { type: 'object', additionalProperties: string },
  });

  test.each<[string, string]>([
    ['.a', 'object'],
    [".a['x.y']", 'string'],
    ['.m.key', 'string'],
    [".m['k']", 'string'],
    ['.b', 'does not refer to a valid field'],
    ['.a.b.c', 'does not refer to a valid field'],
    ['a', 'expected [ or . but got: a'],
    ['.a[0]', 'expected [ or . but got: ['],
  ])('%s', (path, found) => {
    const at = schemaAt(schema, path);
    expect(typeof at === 'string' ? at : at.type).toBe(found);
  });

  test('has no quotes where they are not allowed', () => {
    expect(schemaAt(schema, ".a['x.y']", { indexes: false })).toBe('array notation is not allowed');
  });
});

import { describe, expect, test } from 'vitest';
import { Correlation } from './correlation.ts';
import type { JsonSchema } from './json-schema.ts';
import { validateListTypes } from './list-types.ts';
import { validateValue } from './value-validation.ts';

const text = (value: unknown, schema: JsonSchema) =>
  validateValue({ v: value }, { type: 'object', properties: { v: schema } }).map(
    (e) => `${e.field}: ${e.message}`,
  );

const anyOf = [{ required: ['a'], properties: { a: { enum: ['x'] } } }, { required: ['b'] }];
const ab: JsonSchema = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'integer' } } };

describe('a value', () => {
  test.each<[string, unknown, JsonSchema, ...string[]]>([
    ['of its type', 'x', { type: 'string' }],
    ['a whole number for a number', 1, { type: 'number' }],
    [
      'of another type',
      1,
      { type: 'string' },
      'v: Invalid value: "integer": v in body must be of type string: "integer"',
    ],
    [
      'a fraction',
      1.5,
      { type: 'integer' },
      'v: Invalid value: "number": v in body must be of type integer: "number"',
      '<nil>: Invalid value: "": Checked value must be of type integer (default format) in v',
    ],
    [
      'true for a formatted number',
      true,
      { type: 'integer', format: 'int32' },
      'v: Invalid value: "": v in body must be of type int32: ""',
    ],
    [
      'a number that is too large',
      2 ** 31,
      { type: 'integer', format: 'int32' },
      '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in v',
    ],
    ['null', null, { type: 'string' }, 'v: Invalid value: "null": v in body must be of type string: "null"'],
    ['null that may be', null, { type: 'string', nullable: true }],
    ['int-or-string', 1, { 'x-kubernetes-int-or-string': true }],
    [
      'neither',
      true,
      { 'x-kubernetes-int-or-string': true },
      'v: Invalid value: "boolean": v in body must be of type integer,string: "boolean"',
    ],
    [
      'of an enumeration',
      'c',
      { type: 'string', enum: ['a', 'b'] },
      'v: Unsupported value: "c": supported values: "a", "b"',
    ],
    ['too long', 'äöü', { type: 'string', maxLength: 2 }, 'v: Too long: may not be more than 2 bytes'],
    ['as long in characters', 'äö', { type: 'string', maxLength: 2 }],
    [
      'too short',
      '',
      { type: 'string', minLength: 1 },
      'v: Invalid value: "": v in body should be at least 1 chars long',
    ],
    [
      'of another pattern',
      'A',
      { type: 'string', pattern: '^[a-z]+$' },
      `v: Invalid value: "A": v in body should match '^[a-z]+$'`,
    ],
    [
      'below',
      0,
      { type: 'integer', minimum: 1 },
      'v: Invalid value: 0: v in body should be greater than or equal to 1',
    ],
    [
      'at an excluded end',
      5,
      { type: 'integer', maximum: 5, exclusiveMaximum: true },
      'v: Invalid value: 5: v in body should be less than 5',
    ],
    [
      'no multiple',
      5,
      { type: 'integer', multipleOf: 2 },
      'v: Invalid value: 5: v in body should be a multiple of 2',
    ],
    [
      'too few items',
      [],
      { type: 'array', items: {}, minItems: 1 },
      'v: Invalid value: 0: v in body should have at least 1 items',
    ],
    [
      'too many items',
      [1, 2],
      { type: 'array', items: {}, maxItems: 1 },
      'v: Too many: 2: must have at most 1 item',
    ],
    [
      'a wrong item',
      ['x'],
      { type: 'array', items: { type: 'integer' } },
      'v[0]: Invalid value: "string": v[0] in body must be of type integer: "string"',
    ],
    [
      'too many members',
      { a: 1, b: 2 },
      { type: 'object', maxProperties: 1 },
      'v: Too many: 2: must have at most 1 item',
    ],
    [
      'too few members',
      {},
      { type: 'object', minProperties: 1 },
      'v: Invalid value: 0: v in body should have at least 1 properties',
    ],
    [
      'a wrong value of a map',
      { k: 1 },
      { type: 'object', additionalProperties: { type: 'string' } },
      'v.k: Invalid value: "integer": v.k in body must be of type string: "integer"',
    ],
    ['without what is required', {}, { type: 'object', required: ['a'] }, 'v.a: Required value'],
    ['of any that it may be', { b: 1 }, { ...ab, anyOf }],
    [
      'of none of them',
      { a: 'y' },
      { ...ab, anyOf },
      '<nil>: Invalid value: "": "v" must validate at least one schema (anyOf)',
      'v.a: Unsupported value: "y": supported values: "x"',
    ],
    [
      'of more than one',
      { a: 'x', b: 1 },
      { ...ab, oneOf: anyOf },
      '<nil>: Invalid value: "": "v" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ],
    [
      'of not all',
      { a: 'x' },
      { ...ab, allOf: anyOf },
      'v.b: Required value',
      '<nil>: Invalid value: "": "v" must validate all the schemas (allOf)',
    ],
    [
      'that it must not be',
      'x',
      { type: 'string', not: { enum: ['x'] } },
      '<nil>: Invalid value: "": "v" must not validate the schema (not)',
    ],
  ])('%s', (_, value, schema, ...errors) => {
    expect(text(value, schema)).toEqual(errors);
  });
});

describe('a format', () => {
  test.each<[string, string[], string[]]>([
    ['date', ['2024-02-29'], ['2023-02-29', '2024-2-1', 'x']],
    [
      'date-time',
      ['2024-01-01T00:00:00Z', '2024-01-01T00:00:00.5+01:00'],
      ['2024-01-01', '2024-01-01T25:00:00Z'],
    ],
    ['duration', ['10s', '1h30m', '-1.5s', '2 days'], ['10', 'x']],
    ['ipv4', ['10.0.0.1', '010.0.0.1'], ['::1', '10.0.0']],
    ['ipv6', ['::1', 'fd00::'], ['10.0.0.1', 'x']],
    ['cidr', ['10.0.0.1/8', 'fd00::/64'], ['10.0.0.0', '10.0.0.0/33']],
    ['mac', ['00:11:22:33:44:55', '0011.2233.4455'], ['00:11:22', '00:11:22:33:44:5g']],
    ['uri', ['http://example.com/a?b', '/a'], ['', 'a b', 'example.com']],
    ['hostname', ['example.com', 'a'], ['', '-a']],
    ['email', ['a@example.com', 'A <a@example.com>'], ['a', '@b']],
    ['uuid', ['123e4567-e89b-12d3-a456-426614174000', '123E4567E89B12D3A456426614174000'], ['123']],
    ['uuid4', ['123e4567-e89b-42d3-a456-426614174000'], ['123e4567-e89b-12d3-a456-426614174000']],
    ['byte', ['aGVsbG8='], ['aGVsbG8', '!']],
    ['hexcolor', ['#fff', 'a1b2c3'], ['#ffff']],
    ['rgbcolor', ['rgb(1, 2, 255)'], ['rgb(1,2,256)']],
    ['isbn', ['0321751043', '978-0321751041'], ['0321751044']],
    ['creditcard', ['4111 1111 1111 1111'], ['4111 1111 1111 1112']],
    ['ssn', ['123-45-6789'], ['12-345-6789']],
    ['k8s-short-name', ['a-b'], ['A', 'a.b']],
    ['k8s-long-name', ['a.b'], ['a..b']],
    ['of somebody else', ['anything'], []],
  ])('%s', (format, right, wrong) => {
    for (const value of right) expect(text(value, { type: 'string', format })).toEqual([]);
    for (const value of wrong)
      expect(text(value, { type: 'string', format })).toEqual([
        `v: Invalid value: ${JSON.stringify(value)}: v in body must be of type ${format}: ${JSON.stringify(value)}`,
      ]);
  });
});

describe('a list', () => {
  const set: JsonSchema = { type: 'array', 'x-kubernetes-list-type': 'set', items: {} };
  const map: JsonSchema = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name', 'port'],
    items: { type: 'object' },
  };

  test.each<[string, unknown[], JsonSchema, ...string[]]>([
    ['that is a set', ['a', 'b', 1, '1'], set],
    ['that holds one thing three times', ['a', 'a', 'a'], set, '[1]: Duplicate value: "a"'],
    [
      'that holds equal objects',
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      set,
      '[1]: Duplicate value: {"a":1,"b":2}',
    ],
    [
      'that is a map',
      [
        { name: 'a', port: 1 },
        { name: 'a', port: 2 },
      ],
      map,
    ],
    [
      'that holds one key twice',
      [
        { name: 'a', port: 1, x: 1 },
        { name: 'a', port: 1 },
      ],
      map,
      '[1]: Duplicate value: {"name":"a","port":1}',
    ],
    [
      'that holds what has no key',
      ['a'],
      map,
      '[0]: Invalid value: "a": must be an object for an array of list-type map',
    ],
  ])('%s', (_, value, schema, ...errors) => {
    expect(validateListTypes(value, schema, '').map((e) => `${e.field}: ${e.message}`)).toEqual(errors);
  });
});

describe('what has not changed', () => {
  const items: JsonSchema = {
    type: 'object',
    properties: { name: { type: 'string' }, port: { type: 'integer', maximum: 10 } },
  };
  const keyed = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };
  const schema: JsonSchema = {
    type: 'object',
    properties: {
      a: { type: 'string', maxLength: 1 },
      keyed: { type: 'array', items, ...keyed },
      plain: { type: 'array', items },
    },
  };
  const errors = (next: object, old: object) =>
    validateValue(next, schema, { correlation: new Correlation(next, old, schema) }).map((e) => e.field);
  const wrong = { name: 'x', port: 11 };

  test('may be wrong', () => {
    expect(errors({ a: 'long' }, { a: 'long' })).toEqual([]);
    expect(errors({ a: 'long' }, { a: 'other' })).toEqual(['a']);
  });

  test('is found by its keys, and in other lists only as a whole', () => {
    expect(errors({ keyed: [{ name: 'new' }, wrong] }, { keyed: [wrong] })).toEqual([]);
    expect(errors({ plain: [wrong] }, { plain: [wrong] })).toEqual([]);
    expect(errors({ plain: [{ name: 'new' }, wrong] }, { plain: [wrong] })).toEqual(['plain[1].port']);
  });
});

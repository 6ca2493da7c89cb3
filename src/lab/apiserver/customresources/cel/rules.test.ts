import { describe, expect, test } from 'vitest';
import type { JsonSchema, ValidationRule } from '../schema/json-schema.ts';
import { breaks, fails, holds, refused, schema, spec } from './rules.cases.ts';
import { ruleProblems, rulesOf, validateRules } from './rules.ts';

const root = (rules: ValidationRule[], of: JsonSchema = schema): JsonSchema => ({
  type: 'object',
  properties: { spec: { ...of, 'x-kubernetes-validations': rules } },
});

/** What is said of an object, by rules whose names are their numbers. */
function outcomes(rules: readonly string[]) {
  const node = rulesOf(root(rules.map((rule, i) => ({ rule, message: `<${i}>` }))))!;
  const problems = ruleProblems(node, '');
  const errors = validateRules(node, { apiVersion: 'example.com/v1', kind: 'Foo', metadata: {}, spec });
  return rules.map((rule, i) => {
    const problem = problems.find((p) => p.index === i);
    if (problem !== undefined) return [rule, 'refused'];
    const error = errors.find((e) => e.message.includes(`<${i}>`));
    if (error === undefined) return [rule, 'holds'];
    const broken = /evaluating rule|did not match/.test(error.message);
    return [rule, broken ? 'breaks' : 'fails'];
  });
}

test.each([
  ['holds', holds],
  ['fails', fails],
  ['breaks', breaks],
  ['refused', refused],
] as const)('what %s in Kubernetes does so here', (outcome, rules) => {
  expect(outcomes(rules)).toEqual(rules.map((rule) => [rule, outcome]));
});

function check(
  rule: ValidationRule,
  value: unknown,
  { of = schema, old }: { of?: JsonSchema; old?: unknown } = {},
) {
  const node = rulesOf(root([rule], of))!;
  expect(ruleProblems(node, '')).toEqual([]);
  return validateRules(node, { spec: value }, { old: old === undefined ? undefined : { spec: old } });
}

describe('a rule that does not hold', () => {
  test.each<[string, ValidationRule, object]>([
    [
      'is told by itself',
      { rule: 'self.i < 3' },
      { field: 'spec', reason: 'FieldValueInvalid', message: 'Invalid value: failed rule: self.i < 3' },
    ],
    ['by its message', { rule: 'self.i < 3', message: ' too many ' }, { message: 'Invalid value: too many' }],
    [
      'by its expression',
      { rule: 'self.i < 3', message: 'm', messageExpression: '"not " + string(self.i)' },
      { message: 'Invalid value: not 3' },
    ],
    [
      'by its message where the expression fails',
      { rule: 'self.i < 3', message: 'm', messageExpression: 'self.ls[9]' },
      { message: 'Invalid value: m' },
    ],
    ['at its field', { rule: 'self.i < 3', fieldPath: '.o.a' }, { field: 'spec.o.a' }],
    [
      'with its reason',
      { rule: 'self.i < 3', message: 'm', reason: 'FieldValueForbidden' },
      { reason: 'FieldValueForbidden', message: 'Forbidden: m' },
    ],
    [
      'as something that is missing',
      { rule: 'self.i < 3', message: 'm', reason: 'FieldValueRequired' },
      { reason: 'FieldValueRequired', message: 'Required value: m' },
    ],
    [
      'with what went wrong',
      { rule: 'self.unset == "x"', message: 'm' },
      { message: 'Invalid value: "object": no such key: unset evaluating rule: m' },
    ],
    [
      'with types that do not fit',
      { rule: 'self.ios2 > 3', message: 'm' },
      {
        message:
          'Invalid value: "object": \'no such overload\': call arguments did not match a supported operator, function or macro signature for rule: m',
      },
    ],
  ])('%s', (_, rule, error) => {
    expect(check(rule, spec)).toMatchObject([error]);
  });

  test('shows a value that is short', () => {
    const of: JsonSchema = { type: 'string' };
    expect(check({ rule: "self == 'a'", message: 'm' }, 'b', { of })).toMatchObject([
      { field: 'spec', message: 'Invalid value: "b": m' },
    ]);
  });
});

describe('a rule of a transition', () => {
  const immutable = { rule: 'self.s == oldSelf.s', message: 'immutable' };

  test('is asked when there was a value before', () => {
    expect(check(immutable, { s: 'a' })).toEqual([]);
    expect(check(immutable, { s: 'a' }, { old: { s: 'a' } })).toEqual([]);
    expect(check(immutable, { s: 'a' }, { old: { s: 'b' } })).toMatchObject([
      { message: 'Invalid value: immutable' },
    ]);
  });

  test('is asked always where the old value is optional', () => {
    const rule = {
      rule: "oldSelf.hasValue() || self.s != 'a'",
      optionalOldSelf: true,
      message: 'not at first',
    };
    expect(check(rule, { s: 'a' })).toHaveLength(1);
    expect(check(rule, { s: 'a' }, { old: { s: 'b' } })).toEqual([]);
  });

  const list: JsonSchema = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name', 'protocol'],
    items: {
      type: 'object',
      properties: { name: { type: 'string' }, protocol: { type: 'string' }, port: { type: 'integer' } },
      'x-kubernetes-validations': [{ rule: 'self.port == oldSelf.port', message: 'moved' }],
    },
  };
  const rules = rulesOf({ type: 'object', properties: { ports: list } })!;
  const a = { name: 'a', protocol: 'TCP', port: 1 };

  test('finds the items of a list by their keys', () => {
    const old = { ports: [a, { ...a, protocol: 'UDP', port: 2 }] };
    const swapped = { ports: [old.ports[1], old.ports[0]] };
    expect(validateRules(rules, swapped, { old })).toEqual([]);
    const next = { ports: [{ ...a, protocol: 'UDP', port: 3 }, a, { ...a, name: 'new', port: 9 }] };
    expect(validateRules(rules, next, { old })).toMatchObject([
      { field: 'ports[0]', message: 'Invalid value: moved' },
    ]);
  });
});

describe('a rule that can never be asked', () => {
  const transition = [{ rule: 'self == oldSelf' }];
  const item: JsonSchema = { type: 'string', 'x-kubernetes-validations': transition };

  test.each<[string, JsonSchema, string | undefined]>([
    [
      'in a list of which no item can be told',
      { type: 'array', items: item },
      'oldSelf cannot be used on the uncorrelatable portion of the schema within spec',
    ],
    [
      'in a set',
      { type: 'array', 'x-kubernetes-list-type': 'set', items: item },
      'oldSelf cannot be used on the uncorrelatable portion of the schema within spec',
    ],
    ['in a map', { type: 'object', additionalProperties: item }, undefined],
    [
      'of the list itself',
      { type: 'array', items: { type: 'string' }, 'x-kubernetes-validations': transition },
      undefined,
    ],
  ])('%s', (_, schemaPart, detail) => {
    const [problem] = ruleProblems(rulesOf(schemaPart)!, 'spec');
    expect(problem?.detail).toBe(detail);
  });

  test('for an old value that it does not use', () => {
    const node = rulesOf(root([{ rule: 'self.i > 0', optionalOldSelf: false }]))!;
    expect(ruleProblems(node, '')).toMatchObject([
      { part: 'optionalOldSelf', detail: 'may not be set if oldSelf is not used in rule' },
    ]);
  });
});

test.each<[string, string]>([
  ['self.nope == 1', "1:5: undefined field 'nope'\n | self.nope == 1\n | ....^"],
  [
    "self.s + 1 == ''",
    "1:8: found no matching overload for '_+_' applied to '(string, int)'\n | self.s + 1 == ''\n | .......^",
  ],
  [
    'self.li == self.ls',
    "1:9: found no matching overload for '_==_' applied to '(list(int), list(string))'\n | self.li == self.ls\n | ........^",
  ],
  ['nope > 1', "1:1: undeclared reference to 'nope' (in container '')\n | nope > 1\n | ^"],
])('a rule that does not compile is told as cel-go tells it: %s', (rule, text) => {
  const [problem] = ruleProblems(rulesOf(root([{ rule }]))!, '');
  expect(problem?.detail).toBe(`compilation failed: ERROR: <input>:${text}`);
});

test('a rule has to be one, and its message a text', () => {
  const rules = [{ rule: '1' }, { rule: 'true', messageExpression: '1' }];
  expect(ruleProblems(rulesOf(root(rules))!, '').map((p) => [p.part, p.detail])).toEqual([
    ['rule', 'cel expression must evaluate to a bool'],
    ['messageExpression', 'messageExpression must evaluate to a string'],
  ]);
});

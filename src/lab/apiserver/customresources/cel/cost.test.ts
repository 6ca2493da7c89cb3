import { describe, expect, test } from 'vitest';
import type { JsonSchema } from '../schema/json-schema.ts';
import { rulesOf, validateRules } from './rules.ts';

const texts = (rules: string[]): JsonSchema => ({
  type: 'object',
  properties: { list: { type: 'array', items: { type: 'string' } } },
  'x-kubernetes-validations': rules.map((rule) => ({ rule })),
});

const numbered = (count: number) => ({ list: Array.from({ length: count }, (_, i) => `item-${i}`) });

function problems(rules: string[], value: unknown): string[] {
  return validateRules(rulesOf(texts(rules))!, value).map(({ message }) => message);
}

const tooMuch = (rule: string) =>
  `Invalid value: "object": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: ${rule}`;

describe('an expression is ended that costs too much', () => {
  test.each([
    ['nested loops', 'self.list.all(a, self.list.all(b, self.list.all(c, a + b + c != "")))'],
    [
      'loops that go on past errors',
      'self.list.exists(a, self.list.exists(b, self.list.exists(c, a + b == c)))',
    ],
    [
      'loops over two variables',
      'self.list.all(i, a, self.list.all(j, b, self.list.all(k, c, i + j + k >= 0)))',
    ],
    [
      'loops within what decides',
      'self.list.all(a, self.list.all(b, self.list.all(c, a == c || b == c || a != "")))',
    ],
    ['lists that are made', 'self.list.map(a, self.list.map(b, self.list.map(c, a + b + c))).size() > 0'],
    [
      'looking through texts',
      'self.list.all(a, self.list.all(b, (self.list.join() + a).contains(self.list.join() + b)))',
    ],
  ])('%s', (_, rule) => {
    const before = process.threadCpuUsage();
    const found = problems([rule, 'false'], numbered(2000));
    expect(found).toEqual([tooMuch(rule)]);
    expect(process.threadCpuUsage(before).user).toBeLessThan(5_000_000);
  });

  test('expressions that try again and again', () => {
    const rule = "self.list.exists(a, a.matches('^(a+)+$'))";
    const found = problems([rule], { list: Array.from({ length: 50 }, () => `${'a'.repeat(50)}!`) });
    expect(found).toEqual([tooMuch(rule)]);
  });

  test('and what is cheap is not', () => {
    expect(problems(['self.list.all(a, self.list.exists(b, a == b))'], numbered(200))).toEqual([]);
  });
});

test('an object is refused whose rules together cost too much', () => {
  const rule = 'self.list.all(a, self.list.all(b, a + b != ""))';
  const found = problems(
    Array.from({ length: 40 }, (_, i) => `${rule} && ${i} >= 0`),
    numbered(250),
  );
  expect(found).toEqual([
    'Invalid value: "object": validation failed due to running out of cost budget, no further validation rules will be run',
  ]);
});

test('a message that costs too much ends the rules too', () => {
  const messageExpression =
    'self.list.all(a, self.list.all(b, self.list.all(c, a + b + c != ""))) ? "a" : "b"';
  const rules = [{ rule: 'false', messageExpression }, { rule: 'false' }];
  const schema = { ...texts([]), 'x-kubernetes-validations': rules };
  const found = validateRules(rulesOf(schema)!, numbered(500)).map(({ message }) => message);
  expect(found).toEqual([
    `Invalid value: "object": no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(messageExpression)}`,
  ]);
});

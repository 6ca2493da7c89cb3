import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../json.ts';
import { mergePatch, useTestServer } from '../../../test-server.ts';
import type { JsonSchema } from '../../schema/json-schema.ts';
import { definitionsUrl, specOf, widgets } from '../../test-definitions.ts';
import { ruleCostErrors, rulesOf } from '../rules.ts';
import { type Exceeded, objectsCosts, textsCosts } from './rule-costs.cases.ts';
import { schemaCosts } from './schema-costs.cases.ts';

const { call } = useTestServer();

const text: JsonSchema = { type: 'string' };
const integer: JsonSchema = { type: 'integer' };
const object = (properties: Record<string, JsonSchema>, more: JsonSchema = {}): JsonSchema => ({
  ...{ type: 'object', properties },
  ...more,
});

interface Limits {
  length?: number;
  value?: number;
  properties?: number;
  items?: number;
}

function texts({ length: maxLength, items: maxItems }: Limits): JsonSchema {
  const list: JsonSchema = { type: 'array', items: { ...text, ...(maxLength && { maxLength }) } };
  const limited = { ...list, ...(maxItems && { maxItems }) };
  return object({ a: limited, b: limited });
}

function objects({ value: maxLength, properties: maxProperties, items: maxItems }: Limits): JsonSchema {
  const map = (additionalProperties: JsonSchema): JsonSchema => ({
    ...{ type: 'object', additionalProperties },
    ...(maxProperties && { maxProperties }),
  });
  const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items, ...(maxItems && { maxItems }) });
  return object({
    m: map({ ...text, ...(maxLength && { maxLength }) }),
    o: map(object({ n: integer, s: text }, { required: ['n'] })),
    i: list(integer),
    l: list(object({ k: text, v: list(integer) }, { required: ['k'] })),
  });
}

async function factorsOf(spec: JsonSchema): Promise<string[]> {
  const { details } = await call('POST', `${definitionsUrl}?dryRun=All`, widgets(specOf(spec)));
  return ((details?.causes ?? []) as JsonObject[]).flatMap(
    ({ message }) =>
      /estimated (?:rule|messageExpression) cost exceeds budget by factor of (\S.*?) \(/.exec(message)?.[1] ??
      [],
  );
}

/** Below the limit for one item fewer by orders of magnitude, and as far above as told. */
async function expectCost(spec: JsonSchema, [items, ...factors]: Exceeded): Promise<void> {
  const list: JsonSchema = object({ list: { type: 'array', items: spec, maxItems: items } });
  expect(await factorsOf(items === 1 ? spec : list)).toEqual(factors);
  if (items > 1) expect(await factorsOf(spec)).toEqual([]);
}

const ruled = (spec: JsonSchema, rule: string): JsonSchema => ({
  ...spec,
  'x-kubernetes-validations': [{ rule }],
});

const bounds: Limits = { length: 20, value: 10, properties: 50, items: 100 };

describe.each([
  { what: 'lists of texts', make: texts, costs: textsCosts },
  { what: 'maps and objects', make: objects, costs: objectsCosts },
])('$what', ({ make, costs }) => {
  test.each(costs)('$rule', async ({ rule, unbounded, bounded }) => {
    await expectCost(ruled(make({}), rule), unbounded);
    await expectCost(ruled(make(bounds), rule), bounded);
  });
});

test.each(schemaCosts)('$name', async ({ spec, exceeded }) => {
  await expectCost(JSON.parse(spec) as JsonSchema, exceeded);
});

const dear = 'self.all(x, self.all(y, x == y || x.size() > 10))';

/** So many lists, each with a rule that is near the limit. */
const manyLists = (count: number): JsonSchema =>
  object(
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [
        `p${i}`,
        ruled({ type: 'array', items: { ...text, maxLength: 60 }, maxItems: 400 }, dear),
      ]),
    ),
  );

test('all rules of a schema together have a limit, and the dearest are named', async () => {
  expect(await call('POST', definitionsUrl, widgets(specOf(manyLists(10))))).toMatchObject({ code: 201 });
  const { details } = await call(
    'PATCH',
    `${definitionsUrl}/widgets.example.com`,
    widgets(specOf(manyLists(20))),
    mergePatch,
  );
  const causes = (details.causes as JsonObject[]).map(({ field, message }) => `${field}: ${message}`);
  expect(causes).toEqual([
    ...[0, 1, 2, 3].map(
      (i) =>
        `spec.validation.openAPIV3Schema.properties[spec].properties[p${i}].x-kubernetes-validations[0].rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema`,
    ),
    expect.stringMatching(
      /^spec\.validation\.openAPIV3Schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of \S+x \(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared\)$/,
    ),
  ]);
});

test('a schema that has not changed keeps a rule that would be refused today', () => {
  const schema = specOf(ruled(texts({}), 'self.a.all(x, self.b.all(y, x != y))'));
  const rules = rulesOf(schema)!;
  const messages = (unchanged: boolean) => ruleCostErrors(rules, '', unchanged).map(({ message }) => message);
  const own = expect.stringContaining('estimated rule cost exceeds');
  const total = [expect.stringContaining('contributed to'), expect.stringContaining('cost total for entire')];
  expect(messages(false)).toEqual([own, ...total]);
  expect(messages(true)).toEqual(total);
});

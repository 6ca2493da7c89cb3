import { expect, test } from 'vitest';
import { definitionsUrl, specOf, widgets } from '../../customresources/test-definitions.ts';
import type { JsonObject } from '../../json.ts';
import { useTestServer } from '../../test-server.ts';
import { policies, policyOf } from '../test-policies.ts';
import { typeCheckingCases } from './type-checking.cases.ts';

const { call } = useTestServer();

async function statusOf(rules: JsonObject[], spec: JsonObject): Promise<JsonObject> {
  const resourceRules = rules.map((rule) => ({ ...rule, operations: ['*'] }));
  const policy = policyOf({ ...spec, matchConstraints: { resourceRules } });
  const answer = await call('POST', policies, policy);
  expect(answer.code, answer.message).toBe(201);
  return answer.status;
}

test.each(typeCheckingCases)('$name', async ({ rules, spec, warnings }) => {
  const expressionWarnings = warnings.map(([fieldRef, warning]) => ({ fieldRef, warning }));
  expect(await statusOf(rules, spec)).toEqual({
    observedGeneration: 1,
    typeChecking: warnings.length === 0 ? {} : { expressionWarnings },
  });
});

test('custom resources as their schema has them, with all of metadata', async () => {
  const schema = specOf({ type: 'object', properties: { size: { type: 'integer' } } });
  await call('POST', definitionsUrl, widgets(schema));
  const rules = [{ apiGroups: ['example.com'], apiVersions: ['v1'], resources: ['widgets'] }];
  const expression = "object.spec.size == 'x' && object.spec.nope == 1 && object.metadata.labels.a == 'b'";
  const { typeChecking } = await statusOf(rules, { validations: [{ expression }] });
  const dots = (count: number) => ` | ${expression}\n | ${'.'.repeat(count)}^`;
  expect(typeChecking.expressionWarnings).toEqual([
    {
      fieldRef: 'spec.validations[0].expression',
      warning: `example.com/v1, Kind=Widget: ERROR: <input>:1:18: found no matching overload for '_==_' applied to '(int, string)'\n${dots(17)}\nERROR: <input>:1:39: undefined field 'nope'\n${dots(38)}\n`,
    },
  ]);
});

test('checked anew only when what is wished changes', async () => {
  const rules = [{ apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'], operations: ['*'] }];
  const policy = (expression: string, labels = {}) => ({
    ...policyOf({ matchConstraints: { resourceRules: rules }, validations: [{ expression }] }),
    metadata: { name: 'anew', labels },
  });
  const wrong = await call('POST', policies, policy('object.nope == 1'));
  expect(wrong.status.typeChecking.expressionWarnings).toHaveLength(1);
  const put = (body: object) => call('PUT', `${policies}/anew`, body);
  const { resourceVersion } = wrong.metadata;
  const labelled = policy('object.nope == 1', { a: 'b' });
  const same = await put({ ...labelled, metadata: { ...labelled.metadata, resourceVersion } });
  expect(same.status).toEqual(wrong.status);
  const right = policy('object.spec.replicas > 1');
  const fixed = await put({
    ...right,
    metadata: { ...right.metadata, resourceVersion: same.metadata.resourceVersion },
  });
  expect(fixed.status).toEqual({ observedGeneration: 2, typeChecking: {} });
});

import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../json.ts';
import { useTestServer } from '../../test-server.ts';
import {
  applied,
  mutatingBindingOf,
  mutatingBindings,
  mutatingPolicies,
  mutatingPolicyOf,
  patched,
  policyRule,
} from '../test-policies.ts';

const { call } = useTestServer();
const good = applied('Object{}');
const resourceRules = [{ ...policyRule, operations: ['DELETE'] }];
const operations =
  'resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"';

describe('a mutating policy is refused', () => {
  test.each<[string, JsonObject, string]>([
    ['without mutations', {}, 'spec.mutations: Required value: mutations must contain at least one item'],
    [
      'without a policy for being asked again',
      { mutations: [good], reinvocationPolicy: '' },
      'spec.reinvocationPolicy: Required value',
    ],
    [
      'with another such policy',
      { mutations: [good], reinvocationPolicy: 'Always' },
      'spec.reinvocationPolicy: Unsupported value: "Always": supported values: "IfNeeded", "Never"',
    ],
    [
      'for deletions',
      { mutations: [good], matchConstraints: { resourceRules } },
      `spec.matchConstraints.${operations}`,
    ],
    [
      'with no kind of patch',
      { mutations: [{ applyConfiguration: good.applyConfiguration }] },
      'spec.mutations[0].patchType: Required value',
    ],
    [
      'with an unknown kind of patch',
      { mutations: [{ patchType: 'Merge' }] },
      'spec.mutations[0].patchType: Unsupported value: "Merge": supported values: "ApplyConfiguration", "JSONPatch"',
    ],
    [
      'without its patch',
      { mutations: [{ patchType: 'JSONPatch' }] },
      'spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch',
    ],
    [
      'with both patches',
      { mutations: [{ ...good, jsonPatch: { expression: '[JSONPatch{}]' } }] },
      'spec.mutations[0].jsonPatch: Invalid value: "{jsonPatch}": must not be specified when patchType is ApplyConfiguration',
    ],
    [
      'for an empty expression',
      { mutations: [applied(' ')] },
      'applyConfiguration.expression: Required value',
    ],
    [
      'for a patch that is no object',
      { mutations: [applied('object')] },
      'spec.mutations[0].applyConfiguration.expression: Invalid value: "object": must evaluate to Object but got dyn',
    ],
    [
      'for operations that are none',
      { mutations: [patched('[1]')] },
      'spec.mutations[0].jsonPatch.expression: Invalid value: "[1]": must evaluate to list(JSONPatch) but got list(int)',
    ],
    [
      'for an operation of another type',
      { mutations: [patched('[JSONPatch{op: 1}]')] },
      "ERROR: <input>:1:16: expected type of field 'op' is 'string' but provided type is 'int'",
    ],
    [
      'for a type that there is not',
      { mutations: [applied('Thing{}')] },
      "undeclared reference to 'Thing' (in container '')",
    ],
    [
      'for patches in a variable',
      { mutations: [good], variables: [{ name: 'x', expression: 'Object{}' }] },
      'spec.variables[0].expression: Invalid value: "Object{}": compilation failed: ERROR: <input>:1:7',
    ],
  ])('%s', async (_, spec, message) => {
    const answer = await call('POST', mutatingPolicies, mutatingPolicyOf(spec));
    expect(answer).toMatchObject({ code: 422 });
    expect(answer.message).toContain(message);
  });
});

describe('a mutating binding is refused', () => {
  test.each<[string, JsonObject, string]>([
    ['without a policy', { policyName: '' }, 'spec.policyName: Required value'],
    ['for deletions', { matchResources: { resourceRules } }, `spec.matchResources.${operations}`],
    [
      'with nothing to find parameters by',
      { paramRef: { parameterNotFoundAction: 'Deny' } },
      'spec.paramRef: Required value',
    ],
  ])('%s', async (_, spec, message) => {
    const answer = await call('POST', mutatingBindings, mutatingBindingOf(spec));
    expect(answer).toMatchObject({ code: 422 });
    expect(answer.message).toContain(message);
  });
});

test('a mutating policy is listed with how many mutations it has', async () => {
  await call('POST', mutatingPolicies, mutatingPolicyOf({ mutations: [good, good] }));
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const { rows } = await call('GET', mutatingPolicies, undefined, { accept });
  expect(rows[0].cells.slice(0, 3)).toEqual(['p', 2, '<unset>']);
});

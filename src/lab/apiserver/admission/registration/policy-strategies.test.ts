import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../json.ts';
import { useTestServer } from '../../test-server.ts';
import { bindingOf, bindings, policies, policyOf } from '../test-policies.ts';

const { call } = useTestServer();
/** As it comes over the wire: what is undefined is not there. */
const sent = (object: object) => JSON.parse(JSON.stringify(object));

describe('a policy is refused', () => {
  test.each<[string, JsonObject, string]>([
    [
      'without constraints',
      { matchConstraints: undefined, validations: [{ expression: 'true' }] },
      'spec.matchConstraints: Required value',
    ],
    [
      'without validations',
      {},
      'spec.validations: Required value: validations or auditAnnotations must contain at least one item',
    ],
    [
      'for an expression that is no text of the language',
      { validations: [{ expression: 'object.x =' }] },
      'spec.validations[0].expression: Invalid value: "object.x =": compilation failed: ERROR: <input>:1:',
    ],
    [
      'for an expression of another type',
      { validations: [{ expression: '1 + 1' }] },
      'spec.validations[0].expression: Invalid value: "1 + 1": must evaluate to bool but got int',
    ],
    [
      'for a variable that there is not',
      { validations: [{ expression: 'variables.x' }] },
      "undeclared reference to 'variables'",
    ],
    [
      'for params without a kind of them',
      { validations: [{ expression: 'params.x == 1' }] },
      "undeclared reference to 'params'",
    ],
    [
      'for a field that requests do not have',
      { validations: [{ expression: 'request.nothing == 1' }] },
      "undefined field 'nothing'",
    ],
    [
      'for a message that is none',
      { validations: [{ expression: 'true', messageExpression: '1' }] },
      'spec.validations[0].messageExpression: Invalid value: "1": must evaluate to string but got int',
    ],
    [
      'for an unknown reason',
      { validations: [{ expression: 'true', reason: 'Whim' }] },
      'spec.validations[0].reason: Unsupported value: "Whim": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
    ],
    [
      'for an audit annotation that is no text',
      { auditAnnotations: [{ key: 'k', valueExpression: '1' }] },
      'must evaluate to one of [string null] but got int',
    ],
  ])('%s', async (_, spec, message) => {
    const answer = await call('POST', policies, sent(policyOf(spec)));
    expect(answer).toMatchObject({ code: 422 });
    expect(answer.message).toContain(message);
  });
});

describe('a binding is refused', () => {
  test.each<[string, JsonObject, string]>([
    ['without a policy', { policyName: undefined }, 'spec.policyName: Required value'],
    ['without actions', { validationActions: [] }, 'spec.validationActions: Required value'],
    ['that denies and warns', { validationActions: ['Deny', 'Warn'] }, 'must not contain both Deny and Warn'],
    [
      'with nothing to find parameters by',
      { paramRef: { parameterNotFoundAction: 'Deny' } },
      'spec.paramRef: Required value',
    ],
    [
      'that does not say what without parameters',
      { paramRef: { name: 'x' } },
      'spec.paramRef.parameterNotFoundAction: Required value',
    ],
  ])('%s', async (_, spec, message) => {
    const answer = await call('POST', bindings, sent(bindingOf(spec)));
    expect(answer).toMatchObject({ code: 422 });
    expect(answer.message).toContain(message);
  });
});

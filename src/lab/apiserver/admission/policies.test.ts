import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { deploymentOf, inDefault, mergePatch, podOf, useTestServer } from '../test-server.ts';
import { bindingOf, bindings, policies, policyOf, policyRule } from './test-policies.ts';

const { call } = useTestServer();
const pods = `${inDefault}/pods`;
const deployments = '/apis/apps/v1/namespaces/default/deployments';

/** Puts a policy in force. */
async function enforce(spec: JsonObject, binding: JsonObject = {}): Promise<void> {
  expect(await call('POST', policies, policyOf(spec))).toMatchObject({ code: 201 });
  expect(await call('POST', bindings, bindingOf(binding))).toMatchObject({ code: 201 });
}

const denied = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: ";
const jane = () => ({ username: 'jane', groups: ['dev'] });

describe('a validating policy', () => {
  test('refuses what its expression does not hold of, with its message, reason and cause', async () => {
    await enforce({ validations: [{ expression: 'object.spec.replicas <= 5' }] });
    const name = 'web';
    expect(await call('POST', deployments, deploymentOf(name, { replicas: 5 }))).toMatchObject({ code: 201 });
    const message = `${denied}failed expression: object.spec.replicas <= 5`;
    expect(await call('POST', deployments, deploymentOf('big', { replicas: 6 }))).toMatchObject({
      code: 422,
      reason: 'Invalid',
      message: `deployments.apps "big" is forbidden: ${message}`,
      details: { name: 'big', group: 'apps', kind: 'deployments', causes: [{ message }] },
    });
    const grow = await call('PATCH', `${deployments}/web`, { spec: { replicas: 9 } }, mergePatch);
    expect(grow).toMatchObject({ code: 422 });
  });

  test.each<[string, JsonObject, JsonObject]>([
    ['a message', { message: 'too many' }, { code: 422, message: 'too many' }],
    [
      'a message that is computed',
      { message: 'x', messageExpression: '"at most 5, not " + string(object.spec.replicas)' },
      { message: 'at most 5, not 6' },
    ],
    [
      'a message that cannot be computed',
      { message: 'x', messageExpression: 'object.spec.nowhere.nothing' + ' + ""' },
      { message: 'x' },
    ],
    ['a reason', { reason: 'Forbidden', message: 'x' }, { code: 403, reason: 'Forbidden', message: 'x' }],
    ['another reason', { reason: 'RequestEntityTooLarge' }, { code: 413, reason: 'RequestEntityTooLarge' }],
  ])('refuses with %s', async (_, validation, { message, ...expected }) => {
    await enforce({ validations: [{ expression: 'object.spec.replicas <= 5', ...validation }] });
    const answer = await call('POST', deployments, deploymentOf('big', { replicas: 6 }));
    expect(answer).toMatchObject(expected);
    if (message) expect(answer.message).toBe(`deployments.apps "big" is forbidden: ${denied}${message}`);
  });

  test.each<[string, JsonObject[], string, number]>([
    [
      'the old object on update alone',
      [],
      'oldObject == null || object.metadata.name == oldObject.metadata.name',
      201,
    ],
    ['the request', [], 'request.operation == "CREATE" && request.userInfo.username == "jane"', 201],
    ['the kind of the request', [], 'request.kind.kind == "Pod" && request.resource.resource == "pods"', 201],
    ['the namespace', [], 'namespaceObject.metadata.name == "default"', 201],
    ['labels of the namespace', [], '"team" in namespaceObject.metadata.labels', 201],
    [
      'fields that are not there',
      [],
      '!has(object.spec.hostNetwork) && object.?spec.?hostPID.orValue(false) == false',
      201,
    ],
    [
      'who may do what',
      [],
      'authorizer.group("apps").resource("deployments").check("create").allowed()',
      201,
    ],
    ['the resource that is asked for', [], 'authorizer.requestResource.check("delete").allowed()', 201],
    [
      'variables, of each other too',
      [
        { name: 'images', expression: 'object.spec.containers.map(c, c.image)' },
        { name: 'tagged', expression: 'variables.images.all(i, i.contains(":"))' },
      ],
      'variables.tagged',
      201,
    ],
    ['variables that nobody reads and that fail', [{ name: 'x', expression: 'object.nowhere' }], 'true', 201],
    ['a variable that fails', [{ name: 'x', expression: 'object.nowhere == 1' }], 'variables.x', 422],
    ['a field that is not there', [], 'object.nowhere == 1', 422],
  ])('knows %s', async (_, variables, expression, code) => {
    await call('PATCH', '/api/v1/namespaces/default', { metadata: { labels: { team: 'x' } } }, mergePatch);
    await enforce({ variables, validations: [{ expression }] });
    const answer = await call('POST', pods, podOf('a'), { user: jane });
    expect(answer).toMatchObject({ code });
  });

  test('that fails refuses, saying why, or passes where its failures are ignored', async () => {
    const variables = [{ name: 'x', expression: 'object.nowhere == 1' }];
    const validations = [{ expression: 'variables.x' }];
    await enforce({ variables, validations });
    const { message } = await call('POST', pods, podOf('a'));
    expect(message).toBe(
      `pods "a" is forbidden: ${denied}expression 'variables.x' resulted in error: composited variable "x" fails to evaluate: no such key: nowhere`,
    );
    await call('PATCH', `${policies}/p`, { spec: { failurePolicy: 'Ignore' } }, mergePatch);
    expect(await call('POST', pods, podOf('a'))).toMatchObject({ code: 201 });
  });

  test('says which of its generations is in force', async () => {
    const made = await call('POST', policies, policyOf({ validations: [{ expression: 'true' }] }));
    expect(made).toMatchObject({
      metadata: { generation: 1 },
      status: { observedGeneration: 1, typeChecking: {} },
    });
    const patched = await call('PATCH', `${policies}/p`, { spec: { failurePolicy: 'Ignore' } }, mergePatch);
    expect(patched).toMatchObject({ metadata: { generation: 2 }, status: { observedGeneration: 2 } });
  });

  test('only warns, or only notes, where its binding has it so', async () => {
    await enforce(
      { validations: [{ expression: 'false', message: 'mind' }] },
      { validationActions: ['Warn', 'Audit'] },
    );
    const warning = "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': mind";
    expect(await call('POST', pods, podOf('a'))).toMatchObject({ code: 201, warnings: [warning] });
  });

  test('does nothing without a binding, and after it', async () => {
    await call('POST', policies, policyOf({ validations: [{ expression: 'false' }] }));
    expect(await call('POST', pods, podOf('a'))).toMatchObject({ code: 201 });
    await call('POST', bindings, bindingOf());
    expect(await call('POST', pods, podOf('b'))).toMatchObject({ code: 422 });
    await call('DELETE', `${bindings}/b`);
    expect(await call('POST', pods, podOf('b'))).toMatchObject({ code: 201 });
  });

  test.each<[string, JsonObject, JsonObject, number]>([
    [
      'conditions that do not hold',
      { matchConditions: [{ name: 'x', expression: 'object.kind == "Deployment"' }] },
      {},
      201,
    ],
    [
      'conditions that hold',
      { matchConditions: [{ name: 'x', expression: 'object.kind == "Pod"' }] },
      {},
      422,
    ],
    [
      'a binding for other namespaces',
      {},
      { matchResources: { namespaceSelector: { matchLabels: { a: 'b' } } } },
      201,
    ],
    [
      'a binding for other resources',
      {},
      { matchResources: { resourceRules: [{ ...policyRule, resources: ['deployments'] }] } },
      201,
    ],
    [
      'a name that is excluded',
      {
        matchConstraints: {
          resourceRules: [policyRule],
          excludeResourceRules: [{ ...policyRule, resourceNames: ['a'] }],
        },
      },
      {},
      201,
    ],
    [
      'another name that is excluded',
      {
        matchConstraints: {
          resourceRules: [policyRule],
          excludeResourceRules: [{ ...policyRule, resourceNames: ['b'] }],
        },
      },
      {},
      422,
    ],
  ])('with %s', async (_, spec, binding, code) => {
    await enforce({ validations: [{ expression: 'false' }], ...spec }, binding);
    expect(await call('POST', pods, podOf('a'))).toMatchObject({ code });
  });

  test('is asked about deletions, which have no new object', async () => {
    await call('POST', pods, podOf('a'));
    const resourceRules = [{ ...policyRule, operations: ['DELETE'] }];
    await enforce({
      matchConstraints: { resourceRules },
      validations: [{ expression: 'object == null && oldObject.metadata.name != "a"', message: 'stay' }],
    });
    expect(await call('DELETE', `${pods}/a`)).toMatchObject({ code: 422 });
  });

  test('about what is of the cluster knows no namespace', async () => {
    const resourceRules = [{ ...policyRule, resources: ['namespaces'] }];
    await enforce({
      matchConstraints: { resourceRules },
      validations: [{ expression: 'namespaceObject == null' }],
    });
    expect(await call('POST', '/api/v1/namespaces', { metadata: { name: 'n' } })).toMatchObject({
      code: 201,
    });
  });
});

describe('parameters', () => {
  const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
  const validations = [
    {
      expression: 'params != null && object.spec.replicas <= int(params.data.max)',
      messageExpression: '"max " + params.data.max',
    },
  ];
  const configMap = (name: string, max: number, labels = {}) => ({
    metadata: { name, labels },
    data: { max: String(max) },
  });
  const big = deploymentOf('big', { replicas: 6 });

  test.each<[string, JsonObject, number]>([
    ['by name, in the namespace of the object', { name: 'five' }, 422],
    ['by name, elsewhere', { name: 'seven', namespace: 'kube-system' }, 201],
    ['by labels: each of them counts', { selector: { matchLabels: { limit: 'yes' } } }, 422],
    ['that are not there, which refuses', { name: 'none' }, 422],
    ['that are not there, which passes', { name: 'none', parameterNotFoundAction: 'Allow' }, 201],
  ])('%s', async (_, paramRef, code) => {
    await call('POST', `${inDefault}/configmaps`, configMap('five', 5, { limit: 'yes' }));
    await call('POST', `${inDefault}/configmaps`, configMap('ten', 10, { limit: 'yes' }));
    await call('POST', '/api/v1/namespaces/kube-system/configmaps', configMap('seven', 7));
    await enforce({ paramKind, validations }, { paramRef: { parameterNotFoundAction: 'Deny', ...paramRef } });
    expect(await call('POST', deployments, big)).toMatchObject({ code });
  });

  test('of a kind that there is not refuse everything', async () => {
    const paramRef = { name: 'x', parameterNotFoundAction: 'Deny' };
    await enforce({ paramKind: { apiVersion: 'example.com/v1', kind: 'Limit' }, validations }, { paramRef });
    const { message } = await call('POST', deployments, big);
    expect(message).toContain(
      "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to find resource referenced by paramKind",
    );
  });
});

import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { deploymentOf, inDefault, mergePatch, podOf, useTestServer } from '../test-server.ts';
import {
  applied,
  mutatingBindingOf,
  mutatingBindings,
  mutatingPolicies,
  mutatingPolicyOf,
  patched,
  policyRule,
} from './test-policies.ts';

const { call } = useTestServer();
const pods = `${inDefault}/pods`;
const deployments = '/apis/apps/v1/namespaces/default/deployments';

/** Puts a policy in force. */
async function enforce(spec: JsonObject, { name = 'p', binding = {} as JsonObject } = {}): Promise<void> {
  expect(await call('POST', mutatingPolicies, mutatingPolicyOf(spec, name))).toMatchObject({ code: 201 });
  const own = mutatingBindingOf({ policyName: name, ...binding }, `${name}-binding`);
  expect(await call('POST', mutatingBindings, own)).toMatchObject({ code: 201 });
}

const label = (key: string, value = '"yes"') =>
  applied(`Object{metadata: Object.metadata{labels: {"${key}": ${value}}}}`);
const denied = "policy 'p' with binding 'p-binding' denied request: ";

describe('a mutating policy', () => {
  test('applies fields over what is there, by the keys of lists', async () => {
    await enforce({
      mutations: [
        applied(`Object{spec: Object.spec{
          hostname: object.metadata.name + "-host",
          containers: object.spec.containers.map(c, Object.spec.containers{
            name: c.name, env: [Object.spec.containers.env{name: "ADDED", value: "1"}]
          }) + [Object.spec.containers{name: "sidecar", image: "proxy:1"}]
        }}`),
      ],
    });
    const pod = podOf('a');
    const [{ name, image }] = pod.spec.containers as [{ name: string; image: string }];
    expect(await call('POST', pods, pod)).toMatchObject({
      code: 201,
      spec: {
        hostname: 'a-host',
        containers: [
          { name, image, env: [{ name: 'ADDED', value: '1' }] },
          { name: 'sidecar', image: 'proxy:1', imagePullPolicy: 'IfNotPresent' },
        ],
      },
    });
  });

  test('patches with operations, whose paths escape keys', async () => {
    await enforce({
      variables: [{ name: 'labelled', expression: 'has(object.metadata.labels)' }],
      mutations: [
        patched('variables.labelled ? [] : [JSONPatch{op: "add", path: "/metadata/labels", value: {}}]'),
        patched(`[JSONPatch{
          op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("example.com/a~b"), value: string(2 + 3)
        }]`),
      ],
    });
    // A key that the API does not take shows that it was written whole.
    const { message } = await call('POST', pods, podOf('a'));
    expect(message).toContain('metadata.labels: Invalid value: "example.com/a~b"');
  });

  test.each<[string, string, JsonObject]>([
    ['a value', '[JSONPatch{op: "replace", path: "/spec/replicas", value: 7}]', { replicas: 7 }],
    [
      'an object',
      '[JSONPatch{op: "add", path: "/spec/strategy", value: Object.spec.strategy{type: "Recreate"}}]',
      { strategy: { type: 'Recreate' } },
    ],
    [
      'a copy',
      '[JSONPatch{op: "copy", from: "/spec/replicas", path: "/spec/revisionHistoryLimit"}]',
      { revisionHistoryLimit: 3 },
    ],
    [
      'nothing after a test that fails',
      '[JSONPatch{op: "test", path: "/spec/replicas", value: 1}, JSONPatch{op: "replace", path: "/spec/replicas", value: 7}]',
      { replicas: 3 },
    ],
  ])('patches with %s', async (_, expression, spec) => {
    await enforce({ mutations: [patched(expression)] });
    expect(await call('POST', deployments, deploymentOf('a', { replicas: 3 }))).toMatchObject({
      code: 201,
      spec,
    });
  });

  test('sees what it was, and is asked about updates', async () => {
    await call('POST', pods, podOf('a'));
    await enforce({ mutations: [label('was', 'string(oldObject.metadata.name)')] });
    const change = { metadata: { labels: { x: 'y' } } };
    expect(await call('PATCH', `${pods}/a`, change, mergePatch)).toMatchObject({
      code: 200,
      metadata: { labels: { was: 'a', x: 'y' } },
    });
  });

  test.each<[string, JsonObject, JsonObject]>([
    ['conditions', { matchConditions: [{ name: 'x', expression: 'object.kind != "Pod"' }] }, {}],
    ['constraints', { matchConstraints: { resourceRules: [{ ...policyRule, resources: ['nodes'] }] } }, {}],
    ['a binding', {}, { matchResources: { objectSelector: { matchLabels: { a: 'b' } } } }],
  ])('leaves alone what its %s are not about', async (_, spec, binding) => {
    await enforce({ mutations: [label('touched')], ...spec }, { binding });
    const made = await call('POST', pods, podOf('a'));
    expect(made).toMatchObject({ code: 201 });
    expect(made.metadata.labels).toBeUndefined();
  });

  test('has a parameter for each turn', async () => {
    for (const name of ['one', 'two'])
      await call('POST', `${inDefault}/configmaps`, { metadata: { name, labels: { p: 'q' } } });
    const expression = 'Object{metadata: Object.metadata{annotations: {params.metadata.name: "yes"}}}';
    const mutations = [applied(expression)];
    const paramRef = { selector: { matchLabels: { p: 'q' } }, parameterNotFoundAction: 'Deny' };
    const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
    await enforce({ paramKind, mutations }, { binding: { paramRef } });
    const made = await call('POST', pods, podOf('a'));
    expect(made.metadata.annotations).toEqual({ one: 'yes', two: 'yes' });
  });

  test('comes before validating policies and has what it made validated', async () => {
    await enforce({ mutations: [patched('[JSONPatch{op: "replace", path: "/spec/replicas", value: -1}]')] });
    const { message } = await call('POST', deployments, deploymentOf('a', { replicas: 3 }));
    expect(message).toContain('spec.replicas: Invalid value: -1: must be greater than or equal to 0');
  });
});

describe('policies one after the other', () => {
  const count = patched(
    `[JSONPatch{op: "replace", path: "/spec/replicas", value: object.spec.replicas + 1}]`,
  );

  test('see what those before made', async () => {
    await enforce({ mutations: [label('first')] }, { name: 'a' });
    const mutations = [label('second', 'object.metadata.labels.first')];
    await enforce({ mutations }, { name: 'b' });
    const made = await call('POST', pods, podOf('x'));
    expect(made.metadata.labels).toEqual({ first: 'yes', second: 'yes' });
  });

  test.each([
    ['Never', 4],
    ['IfNeeded', 5],
  ])('are asked again: %s', async (reinvocationPolicy, replicas) => {
    await enforce({ mutations: [count], reinvocationPolicy }, { name: 'a' });
    await enforce({ mutations: [label('later')] }, { name: 'b' });
    const made = await call('POST', deployments, deploymentOf('x', { replicas: 3 }));
    expect(made).toMatchObject({ code: 201, spec: { replicas } });
  });
});

describe('a mutating policy that fails', () => {
  test.each<[string, JsonObject, string]>([
    [
      'to evaluate',
      applied('Object{spec: object.nowhere}'),
      "expression 'Object{spec: object.nowhere}' resulted in error: no such key: nowhere",
    ],
    [
      'with a type for another field',
      applied('Object{spec: Object.status{}}'),
      'type mismatch: unexpected type name "Object.status", expected "Object.spec", which matches field name path from root Object type',
    ],
    [
      'with a field that there is not',
      applied('Object{spec: Object.spec{nothing: 1}}'),
      'error applying patch: failed to convert patch object to typed object: .spec.nothing: field not declared in schema',
    ],
    [
      'with a value of another type',
      applied('Object{spec: Object.spec{hostname: 1}}'),
      'error applying patch: failed to convert patch object to typed object: .spec.hostname: expected string, got 1',
    ],
    [
      'with lists that are replaced whole',
      applied(
        'Object{spec: Object.spec{containers: [Object.spec.containers{name: "c", args: ["x"], command: ["y"]}]}}',
      ),
      'error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.containers[0].args, .spec.containers[0].command',
    ],
    [
      'with a path that there is not',
      patched('[JSONPatch{op: "remove", path: "/spec/nothing"}]'),
      'JSON Patch: remove operation does not apply: doc is missing path: /spec/nothing: missing value',
    ],
  ])('%s', async (_, mutation, problem) => {
    await enforce({ mutations: [mutation] });
    const message = denied + problem;
    expect(await call('POST', pods, podOf('a'))).toMatchObject({
      code: 403,
      reason: 'Invalid',
      message,
      details: { name: 'a', kind: 'pods', causes: [{ message }] },
    });
  });

  test('is passed over where its failures are ignored, with the mutations beside', async () => {
    await enforce({ failurePolicy: 'Ignore', mutations: [label('x', 'object.nowhere'), label('y')] });
    const made = await call('POST', pods, podOf('a'));
    expect(made.metadata.labels).toEqual({ y: 'yes' });
  });

  test('for parameters that there are not', async () => {
    const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
    const paramRef = { name: 'none', parameterNotFoundAction: 'Deny' };
    await enforce({ paramKind, mutations: [label('x')] }, { binding: { paramRef } });
    expect(await call('POST', pods, podOf('a'))).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message: `${denied}failed to configure binding: no params found for policy binding with \`Deny\` parameterNotFoundAction`,
    });
  });
});

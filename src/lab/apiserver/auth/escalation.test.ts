import { describe, expect, test } from 'vitest';
import type { UserInfo } from '../api-request.ts';
import { createApiServer } from '../api-server.ts';
import type { JsonObject } from '../json.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const inDefault = `${rbac}/namespaces/default`;
const apiGroup = 'rbac.authorization.k8s.io';
const rule = (verbs: string[], resources: string[], group = '') => ({ apiGroups: [group], resources, verbs });
const onRoles = rule(
  ['create', 'get', 'update', 'patch'],
  ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'],
  apiGroup,
);
const subjects = [{ kind: 'User', apiGroup, name: 'bob' }];

/** Somebody who may write roles and bindings, and has the given rules besides; in the whole cluster. */
async function delegate(...rules: object[]) {
  const server = createApiServer({
    serviceCidrs: ['10.96.0.0/24'],
    nodePortRange: { first: 30000, last: 30009 },
    authorization: 'rbac',
  });
  const as = (user: UserInfo) => async (method: string, path: string, body: object, contentType?: string) => {
    const response = await server.handle({
      method,
      path,
      body,
      contentType,
      query: new URLSearchParams('fieldManager=t'),
      user: () => user,
    });
    return {
      ...('body' in response ? (response.body as JsonObject) : {}),
      code: response.status,
    } as JsonObject;
  };
  const root = as({ username: 'root', groups: ['system:masters'] });
  await root('POST', `${rbac}/clusterroles`, { metadata: { name: 'delegate' }, rules: [onRoles, ...rules] });
  await root('POST', `${rbac}/clusterrolebindings`, {
    metadata: { name: 'delegate' },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'delegate' },
    subjects: [{ kind: 'User', apiGroup, name: 'ann' }],
  });
  return { root, ann: as({ username: 'ann', groups: ['team', 'system:authenticated'] }) };
}

const readPods = rule(['get', 'list'], ['pods']);
const roleOf = (...rules: object[]) => ({ metadata: { name: 'x' }, rules });
const bindingOf = (name: string, kind = 'ClusterRole') => ({
  metadata: { name: 'x' },
  roleRef: { apiGroup, kind, name },
  subjects,
});

describe('a role', () => {
  test('grants what its writer has, and no more', async () => {
    const { ann } = await delegate(readPods);
    expect(await ann('POST', `${inDefault}/roles`, roleOf(readPods))).toMatchObject({ code: 201 });
    const more = [rule(['get', 'watch'], ['pods', 'secrets']), rule(['list'], ['secrets'])];
    expect(await ann('PUT', `${inDefault}/roles/x`, roleOf(...more))).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message: [
        'roles.rbac.authorization.k8s.io "x" is forbidden: user "ann" (groups=["team" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:',
        '{APIGroups:[""], Resources:["pods"], Verbs:["watch"]}',
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "watch" "list"]}',
      ].join('\n'),
    });
    const patch = { rules: more };
    expect(await ann('PATCH', `${inDefault}/roles/x`, patch, 'application/merge-patch+json')).toMatchObject({
      code: 403,
    });
    const applied = { apiVersion: `${apiGroup}/v1`, kind: 'Role', ...roleOf(...more) };
    expect(
      await ann(
        'PATCH',
        `${inDefault}/roles/y`,
        { ...applied, metadata: { name: 'y' } },
        'application/apply-patch+yaml',
      ),
    ).toMatchObject({ code: 403 });
  });

  test.each<[string, object]>([
    ['one name where all are had', { ...readPods, resourceNames: ['a'] }],
    ['a subresource by its star', rule(['get'], ['pods/log'])],
    ['a path below', { nonResourceURLs: ['/metrics/cadvisor'], verbs: ['get'] }],
  ])('may grant %s', async (_, wanted) => {
    const metrics = { nonResourceURLs: ['/metrics/*'], verbs: ['get'] };
    const { ann } = await delegate(readPods, rule(['get'], ['*/log']), metrics);
    expect(await ann('POST', `${rbac}/clusterroles`, roleOf(wanted))).toMatchObject({ code: 201 });
  });

  test.each<[string, object]>([
    ['all names where one is had', rule(['get'], ['configmaps'])],
    ['all verbs', rule(['*'], ['pods'])],
    ['all groups', { ...readPods, apiGroups: ['*'] }],
    ['a path above', { nonResourceURLs: ['/metrics'], verbs: ['get'] }],
  ])('may not grant %s', async (_, wanted) => {
    const metrics = { nonResourceURLs: ['/metrics/*'], verbs: ['get'] };
    const { ann } = await delegate(
      readPods,
      { ...rule(['get'], ['configmaps']), resourceNames: ['one'] },
      metrics,
    );
    expect(await ann('POST', `${rbac}/clusterroles`, roleOf(wanted))).toMatchObject({ code: 403 });
  });

  test('grants anything by who may escalate', async () => {
    const { ann } = await delegate(rule(['escalate'], ['roles'], apiGroup));
    expect(await ann('POST', `${inDefault}/roles`, roleOf(rule(['*'], ['*'])))).toMatchObject({ code: 201 });
    expect(await ann('POST', `${rbac}/clusterroles`, roleOf(rule(['*'], ['*'])))).toMatchObject({
      code: 403,
    });
  });

  test('gathers others’ rules for those alone who may do everything', async () => {
    const { ann } = await delegate();
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
    expect(
      await ann('POST', `${rbac}/clusterroles`, { metadata: { name: 'x' }, aggregationRule }),
    ).toMatchObject({
      code: 403,
      message: expect.stringContaining('must have cluster-admin privileges to use the aggregationRule'),
    });
  });

  test('that grants more may still be let go', async () => {
    const { ann, root } = await delegate();
    await root('POST', `${inDefault}/roles`, roleOf(readPods));
    const touch = (metadata: object) =>
      ann('PATCH', `${inDefault}/roles/x`, { metadata }, 'application/merge-patch+json');
    expect(await touch({ finalizers: ['example.com/stay'] })).toMatchObject({ code: 200 });
    expect(await touch({ labels: { a: 'b' } })).toMatchObject({ code: 403 });
  });
});

describe('a binding', () => {
  test('gives what its writer has, and no more', async () => {
    const { ann } = await delegate(readPods);
    await ann('POST', `${rbac}/clusterroles`, roleOf(readPods));
    expect(await ann('POST', `${inDefault}/rolebindings`, bindingOf('x'))).toMatchObject({ code: 201 });
    expect(await ann('POST', `${rbac}/clusterrolebindings`, bindingOf('cluster-admin'))).toMatchObject({
      code: 403,
      message: expect.stringContaining(
        '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n{NonResourceURLs:["*"], Verbs:["*"]}',
      ),
    });
  });

  test('of no role is told so', async () => {
    const { ann } = await delegate();
    expect(await ann('POST', `${inDefault}/rolebindings`, bindingOf('none', 'Role'))).toMatchObject({
      code: 404,
      message: 'roles.rbac.authorization.k8s.io "none" not found',
    });
  });

  test('gives anything by who may bind it', async () => {
    const { ann } = await delegate({
      ...rule(['bind'], ['clusterroles'], apiGroup),
      resourceNames: ['cluster-admin'],
    });
    expect(await ann('POST', `${inDefault}/rolebindings`, bindingOf('cluster-admin'))).toMatchObject({
      code: 201,
    });
    expect(
      await ann('POST', `${inDefault}/rolebindings`, { ...bindingOf('admin'), metadata: { name: 'y' } }),
    ).toMatchObject({ code: 403 });
  });
});

test.each<[string, object, string]>([
  [
    `${inDefault}/roles`,
    roleOf({ apiGroups: [''], resources: ['pods'], verbs: [] }),
    'rules[0].verbs: Required value',
  ],
  [
    `${inDefault}/roles`,
    roleOf({ nonResourceURLs: ['/x'], verbs: ['get'] }),
    'namespaced rules cannot apply to non-resource URLs',
  ],
  [
    `${rbac}/clusterroles`,
    roleOf({ resources: ['pods'], verbs: ['get'] }),
    'must supply at least one api group',
  ],
  [`${rbac}/clusterrolebindings`, bindingOf('x', 'Role'), 'roleRef.kind: Unsupported value: "Role"'],
  [
    `${rbac}/clusterrolebindings`,
    { ...bindingOf('x'), subjects: [{ kind: 'ServiceAccount', name: 'a' }] },
    'subjects[0].namespace: Required value',
  ],
])('at %s %j is refused', async (path, body, message) => {
  const { root } = await delegate();
  expect(await root('POST', path, body)).toMatchObject({
    code: 422,
    message: expect.stringContaining(message),
  });
});

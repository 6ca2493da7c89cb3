import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../util/clock.ts';
import type { UserInfo } from '../api-request.ts';
import { createApiServer } from '../api-server.ts';
import type { JsonObject } from '../json.ts';
import { inDefault, podOf } from '../test-server.ts';

const start = Date.UTC(2030, 0, 1);

function newServer() {
  const clock = new FakeClock(start);
  const server = createApiServer({
    serviceCidrs: ['10.96.0.0/24'],
    nodePortRange: { first: 30000, last: 30009 },
    authorization: 'rbac',
    clock,
  });
  const as = (user: UserInfo) => async (method: string, url: string, body?: object) => {
    const { pathname: path, searchParams: query } = new URL(url, 'http://server');
    const response = await server.handle({ method, path, query, body, user: () => user });
    return {
      ...('body' in response ? (response.body as JsonObject) : {}),
      code: response.status,
    } as JsonObject;
  };
  const root = as({ username: 'root', groups: ['system:masters'] });
  return { clock, as, root };
}

const authenticated = (username: string, ...groups: string[]): UserInfo => ({
  username,
  groups: [...groups, 'system:authenticated'],
});
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const roleRef = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });

describe('RBAC', () => {
  test('refuses what nobody has granted, in kube-apiserver’s words', async () => {
    const { as } = newServer();
    const ann = as(authenticated('ann'));
    expect(await ann('GET', `${inDefault}/pods`)).toMatchObject({
      code: 403,
      message:
        'pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "default"',
      details: { kind: 'pods' },
    });
    expect((await ann('GET', '/apis/apps/v1/deployments?watch=true')).message).toBe(
      'deployments.apps is forbidden: User "ann" cannot watch resource "deployments" in API group "apps" at the cluster scope',
    );
    expect((await ann('GET', `${inDefault}/pods/x/log`)).message).toBe(
      'pods "x" is forbidden: User "ann" cannot get resource "pods/log" in API group "" in the namespace "default"',
    );
    expect((await ann('GET', '/metrics')).message).toBe('forbidden: User "ann" cannot get path "/metrics"');
    expect(await ann('GET', '/apis')).toMatchObject({ code: 200 });
  });

  test('grants by role, in its namespace, to users, groups and service accounts', async () => {
    const { as, root } = newServer();
    await root('POST', '/api/v1/namespaces', { metadata: { name: 'other' } });
    await root('POST', `${rbac}/namespaces/default/roles`, {
      metadata: { name: 'reader' },
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
        { apiGroups: [''], resources: ['configmaps'], resourceNames: ['one'], verbs: ['get'] },
      ],
    });
    await root('POST', `${rbac}/namespaces/default/rolebindings`, {
      metadata: { name: 'readers' },
      roleRef: roleRef('Role', 'reader'),
      subjects: [
        { kind: 'User', name: 'ann' },
        { kind: 'Group', name: 'team' },
        { kind: 'ServiceAccount', name: 'robot', namespace: 'other' },
      ],
    });
    const names = ['ann', 'system:serviceaccount:other:robot'];
    const users = [...names.map((name) => authenticated(name)), authenticated('bob', 'team')].map(as);
    for (const user of users) {
      expect(await user('GET', `${inDefault}/pods`)).toMatchObject({ code: 200 });
      expect(await user('GET', `${inDefault}/pods?watch=true`)).toMatchObject({ code: 403 });
      expect(await user('GET', `${inDefault}/pods/x`)).toMatchObject({ code: 403 });
      expect(await user('GET', '/api/v1/namespaces/other/pods')).toMatchObject({ code: 403 });
      expect(await user('GET', `${inDefault}/configmaps/one`)).toMatchObject({ code: 404 });
      expect(await user('GET', `${inDefault}/configmaps/two`)).toMatchObject({ code: 403 });
    }
    expect(await as(authenticated('eve'))('GET', `${inDefault}/pods`)).toMatchObject({ code: 403 });
  });

  test('lets nobody execute who may only look, by whatever method they ask', async () => {
    const { as, root } = newServer();
    await root('POST', `${inDefault}/pods`, podOf('x', { nodeName: 'node-1' }));
    await root('POST', `${rbac}/namespaces/default/roles`, {
      metadata: { name: 'looker' },
      rules: [{ apiGroups: [''], resources: ['pods/exec'], verbs: ['get'] }],
    });
    await root('POST', `${rbac}/namespaces/default/rolebindings`, {
      metadata: { name: 'lookers' },
      roleRef: roleRef('Role', 'looker'),
      subjects: [{ kind: 'User', name: 'ann' }],
    });
    const path = `${inDefault}/pods/x/exec?stdout=true`;
    for (const method of ['GET', 'POST']) {
      expect(await as(authenticated('ann'))(method, path)).toMatchObject({
        code: 403,
        message: expect.stringContaining('cannot create resource "pods/exec"'),
      });
      expect(await root(method, path)).toMatchObject({ code: 400, message: 'Upgrade request required' });
    }
  });

  test('knows the roles of every cluster, view within edit within admin', async () => {
    const { as, root } = newServer();
    for (const name of ['view', 'edit', 'admin']) {
      await root('POST', `${rbac}/namespaces/default/rolebindings`, {
        metadata: { name },
        roleRef: roleRef('ClusterRole', name),
        subjects: [{ kind: 'User', name }],
      });
    }
    const can = async (name: string, method: string, path: string, body?: object) =>
      (await as(authenticated(name))(method, path, body)).code !== 403;
    const row = async (name: string) => [
      await can(name, 'GET', `${inDefault}/services`),
      await can(name, 'GET', `${inDefault}/secrets`),
      await can(name, 'POST', `${inDefault}/pods`, podOf(name)),
      await can(name, 'GET', `${rbac}/namespaces/default/roles`),
      await can(name, 'GET', '/api/v1/nodes'),
    ];
    expect(await row('view')).toEqual([true, false, false, false, false]);
    expect(await row('edit')).toEqual([true, true, true, false, false]);
    expect(await row('admin')).toEqual([true, true, true, true, false]);
  });

  test('answers what one may do, for oneself and for others', async () => {
    const { as, root } = newServer();
    const ask = (spec: object) => ({ spec });
    const resourceAttributes = { verb: 'list', resource: 'pods', namespace: 'default' };
    const path = '/apis/authorization.k8s.io/v1';
    const own = await as(authenticated('ann'))(
      'POST',
      `${path}/selfsubjectaccessreviews`,
      ask({ resourceAttributes }),
    );
    expect(own).toMatchObject({ code: 201, status: { allowed: false } });
    const spec = { user: 'root', groups: ['system:masters'], resourceAttributes };
    expect(await root('POST', `${path}/subjectaccessreviews`, ask(spec))).toMatchObject({
      status: { allowed: true },
    });
    const rules = await as(authenticated('ann'))(
      'POST',
      `${path}/selfsubjectrulesreviews`,
      ask({ namespace: 'default' }),
    );
    expect(rules.status.resourceRules.map((r: JsonObject) => r.resources)).toContainEqual([
      'selfsubjectreviews',
    ]);
    expect(await root('POST', `${path}/subjectaccessreviews`, ask({ user: 'x' }))).toMatchObject({
      code: 422,
    });
  });
});

describe('a service account’s token', () => {
  const account = `${inDefault}/serviceaccounts/robot`;
  const reviews = '/apis/authentication.k8s.io/v1/tokenreviews';

  async function newAccount() {
    const server = newServer();
    await server.root('POST', `${inDefault}/serviceaccounts`, { metadata: { name: 'robot' } });
    const pod = await server.root('POST', `${inDefault}/pods`, podOf('p', { serviceAccountName: 'robot' }));
    const review = async (token: string, audiences?: string[]) =>
      (await server.root('POST', reviews, { spec: { token, audiences } })).status as JsonObject;
    return { ...server, pod, review };
  }

  /** Surely another: the first character carries six of its bits. */
  function withAnotherSignature(token: string): string {
    const [header, claims, signature] = token.split('.') as [string, string, string];
    return [header, claims, (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1)].join('.');
  }

  test('says who one is, until it expires or its pod is gone', async () => {
    const { root, pod, review, clock } = await newAccount();
    const bound = { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: pod.metadata.uid };
    const made = await root('POST', `${account}/token`, {
      spec: { expirationSeconds: 600, boundObjectRef: bound },
    });
    expect(made).toMatchObject({ code: 201, status: { expirationTimestamp: '2030-01-01T00:10:00Z' } });
    const { token } = made.status;
    expect(await review(token)).toMatchObject({
      authenticated: true,
      user: {
        username: 'system:serviceaccount:default:robot',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
        extra: { 'authentication.kubernetes.io/pod-name': ['p'] },
      },
    });
    expect(await review(withAnotherSignature(token))).toMatchObject({ authenticated: false });
    expect(await review('none')).toMatchObject({ authenticated: false });
    expect(await review(token, ['vault'])).toMatchObject({ authenticated: false });
    await root('DELETE', `${inDefault}/pods/p?gracePeriodSeconds=0`);
    expect(await review(token)).toMatchObject({ authenticated: false });
    const free = await root('POST', `${account}/token`, {
      spec: { expirationSeconds: 600, audiences: ['vault'] },
    });
    expect(await review(free.status.token, ['vault', 'x'])).toMatchObject({ audiences: ['vault'] });
    await clock.advance(600_000);
    expect(await review(free.status.token, ['vault'])).toMatchObject({ authenticated: false });
  });

  test('of a kubelet lives a year, since programs read it once', async () => {
    const { root, pod, review, clock } = await newAccount();
    const bound = { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: pod.metadata.uid };
    const made = await root('POST', `${account}/token`, {
      spec: { expirationSeconds: 3607, boundObjectRef: bound },
    });
    await clock.advance(4_000_000);
    expect(await review(made.status.token)).toMatchObject({ authenticated: true });
  });

  test.each([
    ['a lifetime under ten minutes', { expirationSeconds: 599 }, 422],
    ['a pod that is not there', { boundObjectRef: { kind: 'Pod', name: 'q' } }, 404],
    ['another pod of that name', { boundObjectRef: { kind: 'Pod', name: 'p', uid: 'x' } }, 409],
    ['a kind that is not bound to', { boundObjectRef: { kind: 'Service', name: 'p' } }, 400],
  ])('is refused for %s', async (_, spec, code) => {
    const { root } = await newAccount();
    expect(await root('POST', `${account}/token`, { spec })).toMatchObject({ code });
  });

  test('is nothing for another server', async () => {
    const { root } = await newAccount();
    const { status } = await root('POST', `${account}/token`, { spec: {} });
    const other = await newAccount();
    expect(await other.review(status.token)).toMatchObject({ authenticated: false });
    expect(await root('GET', '/openid/v1/jwks')).toMatchObject({ keys: [{ kty: 'EC', alg: 'ES256' }] });
  });
});

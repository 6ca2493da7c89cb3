import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodePorts } from '../../../net/ports.ts';
import type { UserInfo } from '../api-request.ts';
import { type ApiServer, createApiServer } from '../api-server.ts';
import type { JsonObject } from '../json.ts';
import { readImpersonation } from './impersonation.ts';

const admin: UserInfo = { username: 'root', groups: ['system:masters', 'system:authenticated'] };
const clerk: UserInfo = { username: 'clerk', groups: ['system:authenticated'] };
const selfReview = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const rbac = '/apis/rbac.authorization.k8s.io/v1';

/** Each pair is a header as the client sends it. */
function impersonation(...pairs: [name: string, value: string][]) {
  const message = new IncomingMessage(new Socket());
  for (const [name, value] of pairs) {
    const key = name.toLowerCase();
    message.headers[key] = value;
    message.headersDistinct[key] = [...(message.headersDistinct[key] ?? []), value];
  }
  return readImpersonation(message);
}

let server: ApiServer;
beforeEach(() => {
  const serviceCidrs = ['10.96.0.0/24'];
  server = createApiServer({ serviceCidrs, nodePortRange: nodePorts, authorization: 'rbac' });
});
afterEach(() => server.stop());

async function ask(
  user: UserInfo,
  headers: [string, string][],
  { method = 'POST', path = selfReview, body = {} as object } = {},
): Promise<JsonObject> {
  const asked = { method, path, body, user: () => user, impersonation: impersonation(...headers) };
  const answer = await server.handle(asked);
  return { ...(answer as { body: JsonObject }).body, code: answer.status };
}

describe('a request in the name of another', () => {
  test.each<[headers: [string, string][], userInfo: object]>([
    [[['Impersonate-User', 'jane']], { username: 'jane', groups: ['system:authenticated'] }],
    [
      [
        ['Impersonate-User', 'jane'],
        ['Impersonate-Group', 'devs'],
        ['Impersonate-Group', 'ops'],
        ['Impersonate-Uid', 'u1'],
        ['Impersonate-Extra-a.b%2fc', 'x'],
      ],
      {
        username: 'jane',
        groups: ['devs', 'ops', 'system:authenticated'],
        uid: 'u1',
        extra: { 'a.b/c': ['x'] },
      },
    ],
    [
      [['Impersonate-User', 'system:serviceaccount:ns:robot']],
      {
        username: 'system:serviceaccount:ns:robot',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated'],
      },
    ],
  ])('%j is %j', async (headers, userInfo) => {
    expect((await ask(admin, headers)).status).toEqual({ userInfo });
  });

  test('has what that one may, and no more', async () => {
    const secrets = { method: 'GET', path: '/api/v1/namespaces/default/secrets' };
    expect(await ask(admin, [['Impersonate-User', 'jane']], secrets)).toMatchObject({
      code: 403,
      message:
        'secrets is forbidden: User "jane" cannot list resource "secrets" in API group "" in the namespace "default"',
    });
    const master: [string, string][] = [
      ['Impersonate-User', 'jane'],
      ['Impersonate-Group', 'system:masters'],
    ];
    expect((await ask(admin, master, secrets)).code).toBe(200);
  });

  test('must be allowed, part by part', async () => {
    const rules = [
      { apiGroups: [''], resources: ['users'], verbs: ['impersonate'], resourceNames: ['jane'] },
      { apiGroups: ['authentication.k8s.io'], resources: ['userextras/scopes'], verbs: ['impersonate'] },
    ];
    const metadata = { name: 'as-jane' };
    await ask(admin, [], { path: `${rbac}/clusterroles`, body: { metadata, rules } });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'as-jane' };
    const subjects = [{ kind: 'User', name: 'clerk' }];
    await ask(admin, [], { path: `${rbac}/clusterrolebindings`, body: { metadata, roleRef, subjects } });

    const codes = async (...headers: [string, string][]) => (await ask(clerk, headers)).code;
    const jane: [string, string] = ['Impersonate-User', 'jane'];
    expect(await codes(jane)).toBe(201);
    expect(await codes(jane, ['Impersonate-Extra-Scopes', 'any'])).toBe(201);
    expect(await codes(jane, ['Impersonate-Extra-Other', 'any'])).toBe(403);
    expect(await codes(jane, ['Impersonate-Uid', 'u'])).toBe(403);
    expect((await ask(clerk, [jane, ['Impersonate-Group', 'devs']])).message).toBe(
      'groups "devs" is forbidden: User "clerk" cannot impersonate resource "groups" in API group "" at the cluster scope',
    );
    expect(await codes(['Impersonate-User', 'joe'])).toBe(403);
  });

  test('needs a user’s name', async () => {
    expect((await ask(admin, [['Impersonate-Group', 'devs']])).code).toBe(400);
  });
});

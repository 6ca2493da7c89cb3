/** Who one is, and what one may. */
import type { Case } from '../case.ts';
import type { Exchange, Json } from '../exchange.ts';
import { configMap, core, get, merge, pod, post, remove } from './objects.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const as = (user: string, sent: Exchange, more: Record<string, string> = {}): Exchange => ({
  ...sent,
  headers: { 'impersonate-user': user, ...more },
});
const whoAmI = post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
  ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
});
const mayI = (attributes: object, kind = 'resourceAttributes') =>
  post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' },
    spec: { [kind]: attributes },
  });
const role = (name: string, rules: object[]) =>
  post(`${rbac}/namespaces/{ns}/roles`, { metadata: { name }, rules });
const bind = (name: string, roleName: string, user: string) =>
  post(`${rbac}/namespaces/{ns}/rolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: roleName },
    subjects: [{ kind: 'User', name: user }],
  });
const rule = (verbs: string[], resources: string[], more: object = {}) => ({
  apiGroups: [''],
  verbs,
  resources,
  ...more,
});
const maps = `${core}/configmaps`;

export const accessCases: Case[] = [
  {
    name: 'impersonation',
    steps: [
      as('jane', whoAmI),
      as('jane', whoAmI, {
        'impersonate-group': 'devs',
        'impersonate-extra-scopes': 'a',
        'impersonate-uid': 'u1',
      }),
      as('system:serviceaccount:{ns}:default', whoAmI),
      as('system:anonymous', whoAmI),
      { ...whoAmI, headers: { 'impersonate-group': 'devs' } },
      { ...whoAmI, headers: { 'impersonate-uid': 'u1' } },
      as('jane', get(maps)),
      as('jane', get(`${maps}/m`)),
      as('jane', post(maps, configMap('m'))),
      as('jane', get('/metrics')),
      as('jane', get('/version')),
      as('jane', get(maps), { 'impersonate-group': 'system:masters' }),
    ],
  },
  {
    name: 'rules: names, verbs, subresources',
    steps: [
      role('r', [
        rule(['get', 'list', 'watch'], ['configmaps'], { resourceNames: ['m'] }),
        rule(['create'], ['pods/exec']),
        rule(['*'], ['secrets']),
      ]),
      bind('b', 'r', 'jane'),
      post(maps, configMap('m')),
      // Roles come into force a moment after they are written.
      { ...as('jane', get(`${maps}/m`)), until: 200 },
      as('jane', get(`${maps}/n`)),
      as('jane', get(maps)),
      as('jane', get(`${maps}?fieldSelector=metadata.name%3Dm`)),
      as('jane', get(`${maps}?fieldSelector=metadata.name%3Dn`)),
      as('jane', remove(`${core}/secrets`)),
      as('jane', mayI({ namespace: '{ns}', verb: 'create', resource: 'pods', subresource: 'exec' })),
      as('jane', mayI({ namespace: '{ns}', verb: 'create', resource: 'pods' })),
      as('jane', mayI({ namespace: 'default', verb: 'get', resource: 'secrets' })),
      as('jane', mayI({ path: '/nothing', verb: 'get' }, 'nonResourceAttributes')),
      as(
        'jane',
        post(`${rbac}/namespaces/{ns}/roles`, { metadata: { name: 'more' }, rules: [rule(['*'], ['*'])] }),
      ),
    ],
  },
  {
    name: 'reviews that are wrong',
    steps: [
      mayI({}),
      post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { spec: {} }),
      post('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
        spec: { resourceAttributes: { verb: 'get', resource: 'pods' } },
      }),
      post('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
        spec: {
          user: 'jane',
          resourceAttributes: { verb: 'get', resource: 'pods' },
          nonResourceAttributes: { path: '/', verb: 'get' },
        },
      }),
      post('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
        spec: { groups: ['system:masters'], resourceAttributes: { verb: 'get', resource: 'pods' } },
      }),
      post('/apis/authorization.k8s.io/v1/namespaces/{ns}/localsubjectaccessreviews', {
        spec: { user: 'jane', resourceAttributes: { namespace: 'other', verb: 'get', resource: 'pods' } },
      }),
      post('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: 'nonsense' } }),
      post('/apis/authentication.k8s.io/v1/tokenreviews', { spec: {} }),
      get('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'),
    ],
  },
  {
    name: 'roles and bindings: rules and what may not change',
    steps: [
      role('r', [{ verbs: [], resources: ['pods'], apiGroups: [''] }]),
      role('r', [{ verbs: ['get'], nonResourceURLs: ['/x'] }]),
      role('r', [{ verbs: ['get'] }]),
      role('r', [rule(['get'], ['pods'])]),
      bind('b', 'r', 'jane'),
      merge(`${rbac}/namespaces/{ns}/rolebindings/b`, { roleRef: { name: 'other' } }),
      post(`${rbac}/namespaces/{ns}/rolebindings`, {
        metadata: { name: 'c' },
        roleRef: { kind: 'Wrong', name: 'x' },
        subjects: [
          { kind: 'ServiceAccount', name: 'x' },
          { kind: 'Odd', name: '' },
        ],
      }),
      post(`${rbac}/clusterroles`, {
        metadata: { name: '{ns}:a', labels: { '{ns}': 'yes' } },
        rules: [rule(['get'], ['pods'])],
      }),
      post(`${rbac}/clusterroles`, {
        metadata: { name: '{ns}:sum' },
        aggregationRule: { clusterRoleSelectors: [{ matchLabels: { '{ns}': 'yes' } }] },
      }),
      remove(`${rbac}/clusterroles/{ns}:a`),
      remove(`${rbac}/clusterroles/{ns}:sum`),
    ],
  },
  {
    name: 'tokens of ServiceAccounts',
    steps: [
      post(`${core}/serviceaccounts/default/token`, { spec: {} }),
      post(`${core}/serviceaccounts/none/token`, { spec: {} }),
      post(`${core}/serviceaccounts/default/token`, { spec: { expirationSeconds: 1 } }),
      post(`${core}/serviceaccounts/default/token`, {
        spec: { expirationSeconds: 600, audiences: ['other'] },
      }),
      post(`${core}/serviceaccounts/default/token`, {
        spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'none' } },
      }),
      post(`${core}/serviceaccounts/default/token`, {
        spec: { boundObjectRef: { apiVersion: 'v1', kind: 'ConfigMap', name: 'none' } },
      }),
      post(`${core}/pods`, pod('p')),
      post(`${core}/serviceaccounts/default/token`, {
        spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'wrong' } },
      }),
      (earlier) =>
        post('/apis/authentication.k8s.io/v1/tokenreviews', {
          spec: { token: (earlier[0]!.body as Json).status.token },
        }),
      (earlier) =>
        post('/apis/authentication.k8s.io/v1/tokenreviews', {
          spec: { token: (earlier[3]!.body as Json).status.token },
        }),
      (earlier) =>
        post('/apis/authentication.k8s.io/v1/tokenreviews', {
          spec: { token: (earlier[3]!.body as Json).status.token, audiences: ['other', 'third'] },
        }),
    ],
    compares: 'result',
  },
];

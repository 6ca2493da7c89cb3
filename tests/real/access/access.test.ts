import { describe, expect, test } from 'vitest';
import { auditPolicy, parseAuditLog } from './audit.ts';
import { type ApiRequest, compareAccess, grantsOf } from './grants.ts';

const user = 'system:serviceaccount:here:one';
const subjects = [{ kind: 'ServiceAccount', name: 'one', namespace: 'here' }];
const objects = [
  {
    kind: 'ClusterRole',
    metadata: { name: 'reads' },
    rules: [{ apiGroups: [''], resources: ['nodes', 'nodes/status'], verbs: ['get', 'patch'] }],
  },
  {
    kind: 'ClusterRoleBinding',
    metadata: { name: 'reads' },
    roleRef: { kind: 'ClusterRole', name: 'reads' },
    subjects,
  },
  {
    kind: 'Role',
    metadata: { name: 'names', namespace: 'there' },
    rules: [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'], resourceNames: ['a', 'b'] }],
  },
  {
    kind: 'RoleBinding',
    metadata: { name: 'names', namespace: 'there' },
    roleRef: { kind: 'Role', name: 'names' },
    subjects,
  },
];
const grants = grantsOf(objects);
const request = (changes: Partial<ApiRequest>): ApiRequest => ({
  ...{ user, verb: 'get', group: '', resource: 'nodes', name: 'n1', isDenied: false },
  ...changes,
});
const deployment = { group: 'apps', resource: 'deployments', namespace: 'there' };

describe('what accounts may do, beside what they did', () => {
  test('is taken from roles by their bindings, one verb on one resource each', () => {
    expect(compareAccess(grants, []).unused).toEqual([
      'one: get apps/deployments a in there',
      'one: get apps/deployments b in there',
      'one: get nodes',
      'one: get nodes/status',
      'one: patch nodes',
      'one: patch nodes/status',
    ]);
  });

  test('is used by a request of that account, verb, resource, subresource, namespace and name', () => {
    const requests = [
      request({}),
      request({ verb: 'patch', resource: 'nodes/status' }),
      request({ ...deployment, name: 'a' }),
    ];
    expect(compareAccess(grants, requests)).toEqual({
      unused: ['one: get apps/deployments b in there', 'one: get nodes/status', 'one: patch nodes'],
      denied: [],
      beyond: [],
    });
  });

  test('does not cover others’ names, namespaces and accounts', () => {
    const requests = [
      request({ ...deployment, name: 'c' }),
      request({ ...deployment, name: 'a', namespace: 'elsewhere' }),
      request({ user: 'system:serviceaccount:here:two' }),
    ];
    expect(compareAccess(grants, requests).beyond).toEqual([
      'one: get apps/deployments a in elsewhere',
      'one: get apps/deployments c in there',
      'two: get nodes n1',
    ]);
  });

  test('is not used by what was denied, which is told once', () => {
    const denied = request({ isDenied: true });
    const { unused, ...report } = compareAccess(grants, [denied, denied]);
    expect(report).toEqual({ denied: ['one: get nodes n1'], beyond: [] });
    expect(unused).toContain('one: get nodes');
  });

  test('is not denied where the same was let through at another time', () => {
    const denied = [request({ isDenied: true }), request({ isDenied: true, name: 'n2' })];
    expect(compareAccess(grants, [...denied, request({})]).denied).toEqual(['one: get nodes n2']);
  });
});

describe('an audit log', () => {
  const line = (rest: object) => JSON.stringify({ verb: 'list', user: { username: user }, ...rest });

  test('has requests about objects, and of others nothing', () => {
    const text = [
      line({ requestURI: '/version' }),
      line({ objectRef: { resource: 'nodes', subresource: 'status', name: 'n1', apiVersion: 'v1' } }),
      line({ objectRef: { resource: 'leases', namespace: 'there', apiGroup: 'coordination.k8s.io' } }),
      '',
    ].join('\n');
    expect(parseAuditLog(text)).toEqual([
      { user, verb: 'list', group: '', resource: 'nodes/status', name: 'n1', isDenied: false },
      {
        ...{ user, verb: 'list', group: 'coordination.k8s.io', resource: 'leases' },
        ...{ namespace: 'there', isDenied: false },
      },
    ]);
  });

  test('tells what authorization refused, and what admission did', () => {
    const objectRef = { resource: 'nodes' };
    const text = [
      line({ objectRef, annotations: { 'authorization.k8s.io/decision': 'forbid' } }),
      line({
        objectRef,
        annotations: { 'authorization.k8s.io/decision': 'allow' },
        responseStatus: { code: 403 },
      }),
      line({
        objectRef,
        annotations: { 'authorization.k8s.io/decision': 'allow' },
        responseStatus: { code: 404 },
      }),
      '',
    ].join('\n');
    expect(parseAuditLog(text).map(({ isDenied }) => isDenied)).toEqual([true, true, false]);
  });

  test('is read up to its last whole line', () => {
    expect(parseAuditLog(`${line({ objectRef: { resource: 'pods' } })}\n{"verb":"ge`)).toHaveLength(1);
    expect(parseAuditLog('')).toEqual([]);
  });

  test('records the named users alone', () => {
    expect(auditPolicy([user])).toMatchObject({
      rules: [{ level: 'Metadata', users: [user] }, { level: 'None' }],
    });
  });
});

/** A program in a pod speaks to the API with its service account, and may do what roles grant. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bringUp, type TestLab } from './support/lab.ts';

const manifest = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: robot}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: robot, namespace: default}]
---
apiVersion: v1
kind: Pod
metadata: {name: box}
spec:
  serviceAccountName: robot
  containers: [{name: c, image: busybox, command: [sleep, infinity]}]
`;

let lab: TestLab;

beforeAll(async () => {
  lab = await bringUp({ manifest, args: ['--nodes', '1', '--authorization', 'rbac'] });
});

afterAll(() => lab?.down());

/** By the cluster's name for the API server, its own certificate authority, and the token in the pod. */
async function get(path: string, token = '$(cat $d/token)'): Promise<{ kind: string; message?: string }> {
  const ask = `d=/var/run/secrets/kubernetes.io/serviceaccount
    curl -s --cacert $d/ca.crt -H "Authorization: Bearer ${token}" https://kubernetes.default.svc${path}`;
  return JSON.parse(await lab.exec(['box'], 'sh', '-c', ask));
}

test('what its role grants is answered, all else refused; the lab’s own parts have what they need', async () => {
  expect(await get('/api/v1/namespaces/default/services')).toMatchObject({ kind: 'ServiceList' });
  expect(await get('/api/v1/namespaces/default/secrets')).toMatchObject({
    code: 403,
    message:
      'secrets is forbidden: User "system:serviceaccount:default:robot" cannot list resource "secrets" in API group "" in the namespace "default"',
  });
  expect((await lab.tendril(['status'])).stdout).toContain('All is well.');
});

test('a token that the server did not sign is nobody’s', async () => {
  expect(await get('/api/v1/namespaces/default/services', 'a.b.c')).toMatchObject({ code: 401 });
});

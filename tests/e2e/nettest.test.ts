/** Pods of a Service that find each other through the API, as Kubernetes' networking tests have them do. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { must } from './support/tendril.ts';
import { bringUp, type TestCluster } from './support/test-cluster.ts';
import { until } from './support/until.ts';

const image = 'registry.k8s.io/e2e-test-images/agnhost:2.53';
const families = [
  ['IPv4', /^http:\/\/10\./],
  ['IPv6', /^http:\/\/\[fd/],
] as const;
const names = ['a', 'b', 'c'];

const service = (family: string) => `
apiVersion: v1
kind: Service
metadata: {name: nettest-${family.toLowerCase()}}
spec: {selector: {app: nettest-${family.toLowerCase()}}, ipFamilyPolicy: SingleStack, ipFamilies: [${family}], ports: [{port: 8080}]}
---`;
const pod = (family: string, name: string, node: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${family.toLowerCase()}-${name}, labels: {app: nettest-${family.toLowerCase()}}}
spec:
  nodeName: ${node}
  containers:
  - {name: agnhost, image: ${image}, args: [nettest, --service=nettest-${family.toLowerCase()}, --peers=3]}
---`;
/** A pod may read nothing by itself. */
const binding = `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: nettest}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: default, namespace: default}]
---`;

let lab: TestCluster;
beforeAll(async () => {
  const members = families.map(
    ([family]) =>
      service(family) + names.map((name, i) => pod(family, name, i === 0 ? 'node-1' : 'node-2')).join(''),
  );
  lab = await bringUp({ manifest: binding + members.join('') });
});
afterAll(() => lab?.down());

/** Nothing, while it does not serve yet. */
async function asked(name: string, path: string): Promise<string> {
  const url = `http://localhost:8080${path}`;
  return (await lab.tendril(['exec', name, '--', 'curl', '-s', '-m', '10', url])).stdout;
}

test.each(families)('three pods reach each other by %s, and each says pass', async (family, url) => {
  const pods = names.map((name) => `${family.toLowerCase()}-${name}`);
  for (const name of pods)
    await until(`${name} passes`, async () => (await asked(name, '/status')) === 'pass');
  for (const name of pods) {
    const state = JSON.parse(await asked(name, '/read'));
    expect(state).toMatchObject({ Hostname: name, Errors: null });
    expect(Object.keys(state.Sent)).toEqual(pods);
    expect(Object.keys(state.Received)).toEqual(pods);
    const contacted = state.Log.filter((line: string) => line.startsWith('Attempting'));
    for (const line of contacted) expect(line.replace('Attempting to contact ', '')).toMatch(url);
  }
});

test('one whose account may not read the endpoints sees none of them, and goes on', async () => {
  const alone = pod('none', 'alone', 'node-1').replace(
    '--service=nettest-none',
    '--service=nettest-ipv4, --namespace=closed',
  );
  const manifest = `${alone}\napiVersion: v1\nkind: Namespace\nmetadata: {name: closed}\n`;
  await must(lab.tendril(['apply', '-f', '-'], { stdin: manifest }));
  await until('it looks for them', async () =>
    (await asked('none-alone', '/read')).includes('closed/nettest-ipv4 has 0 endpoints ([])'),
  );
  expect(await asked('none-alone', '/status')).toBe('running');
});

/** Cluster names under NetworkPolicies: the usual pair of policies, examples/default-deny.yaml and examples/allow-dns.yaml. */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  applyPolicies,
  deletePolicies,
  expectInForce,
  expectSoon,
  inForce,
  policy,
} from './support/policies.ts';
import { everyWay, type Ips, namespaceNamed, podIps, server, summary, tryFrom } from './support/reach.ts';
import { must, root } from './support/tendril.ts';
import { bringUp, type TestCluster } from './support/test-cluster.ts';

const pods = {
  near: { namespace: 'closed', name: 'near', node: 'node-1' },
  far: { namespace: 'closed', name: 'far', node: 'node-2' },
  free: { namespace: 'free', name: 'free', node: 'node-1' },
} as const;
type Name = keyof typeof pods;
const names = Object.keys(pods) as Name[];

let cluster: TestCluster;
let servers: string[];
let freeIps: Ips;

beforeAll(async () => {
  const manifest =
    namespaceNamed('closed') + namespaceNamed('free') + Object.values(pods).map(server).join('');
  cluster = await bringUp({ manifest, args: ['--nodes', '2'] });
  const service = await must(cluster.tendril(['get', 'svc', 'kube-dns', '-n', 'kube-system', '-o', 'json']));
  servers = JSON.parse(service).spec.clusterIPs;
  freeIps = await podIps(cluster, pods.free);
});
afterAll(() => cluster?.down());

beforeEach(async () => {
  await deletePolicies(cluster, 'closed');
  await must(
    cluster.kubectl('delete', 'networkpolicy', 'only-others', '-n', 'kube-system', '--ignore-not-found'),
  );
  await expectSoon(asked, all('open'));
}, 60_000);

const all = (word: string) => Object.fromEntries(names.map((name) => [name, word]));
const example = (name: string) => join(root, 'examples', `${name}.yaml`);
async function apply(...examples: string[]): Promise<void> {
  const files = examples.flatMap((name) => ['-f', example(name)]);
  await must(cluster.tendril(['apply', '-n', 'closed', ...files]));
  await inForce(cluster);
}

const clusterName = 'kubernetes.default.svc.cluster.local';

/** A record that the kernel answers, and one that only a server does; by each address of the Service. */
async function ask(name: Name): Promise<string> {
  const questions = servers.flatMap((server) => [
    ['udp', `@${server}`, clusterName, 'A'],
    ['tcp', '+tcp', `@${server}`, clusterName, 'A'],
    ['server', `@${server}`, clusterName, 'SRV'],
  ]);
  const script = questions.map(([kind, ...words]) => {
    const dig = `dig +nocookie +tries=1 +time=2 +noall +comments ${words.join(' ')}`;
    return `(${dig} | grep -q "status: NOERROR" && echo "${kind} open" || echo "${kind} closed") &`;
  });
  const { namespace } = pods[name];
  const text = await cluster.exec([name, '-n', namespace], 'sh', '-c', `${script.join('\n')}\nwait`);
  const lines = text.trim().split('\n');
  expect(lines).toHaveLength(questions.length);
  return summary(
    Object.fromEntries(lines.map((line, i) => [`${line.split(' ')[0]} ${i}`, line.split(' ')[1]!])),
  );
}

async function asked(): Promise<Record<string, string>> {
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await ask(name)])));
}

/** Answers that node-1's kernel gave meanwhile. */
async function kernelAnswers(run: () => Promise<unknown>): Promise<number> {
  const count = async () => {
    const address = (await cluster.exec(['--node', 'node-1'], 'hostname', '-I')).trim().split(' ')[0]!;
    const url = `http://${address}:${cluster.agentPort}/metrics`;
    const text = await cluster.exec(['--node', 'node-1'], 'curl', '-s', url);
    const found = text.matchAll(
      /^tendril_dns_kernel_questions_total\{result="(?:hit|nxdomain|empty)"\} (\d+)$/gm,
    );
    return [...found].reduce((sum, [, value]) => sum + Number(value), 0);
  };
  const before = await count();
  await run();
  return (await count()) - before;
}

/** To a pod of another namespace and, by TCP and UDP, to the host outside, which would refuse. */
async function fromNear(): Promise<Record<string, string>> {
  const refusing = everyWay(cluster.outsideIps)
    .filter(({ protocol }) => protocol !== 'sctp')
    .map((target) => ({ ...target, port: 4999 }));
  return {
    free: summary(await tryFrom(cluster, pods.near, everyWay(freeIps))),
    outside: summary(await tryFrom(cluster, pods.near, refusing)),
  };
}

test('without a policy the kernel answers what it can', async () => {
  expect(await kernelAnswers(() => ask('near'))).toBe(servers.length);
});

test('with default-deny alone names fail, and the kernel answers nobody whom it isolates', async () => {
  await apply('default-deny');
  await expectInForce(asked, { near: 'closed', far: 'closed', free: 'open' });
  expect(await kernelAnswers(() => ask('near'))).toBe(0);
  expect(await kernelAnswers(() => ask('free'))).toBe(servers.length);
});

test('with allow-dns they work, the kernel answers, and everything else is denied as before', async () => {
  await apply('default-deny', 'allow-dns');
  await expectInForce(asked, all('open'));
  expect(await kernelAnswers(() => ask('near'))).toBe(servers.length);
  await expectInForce(fromNear, { free: 'closed', outside: 'closed' });
});

test('allow-dns given and taken while a pod runs is followed', async () => {
  await apply('default-deny');
  await expectInForce(asked, { near: 'closed', far: 'closed', free: 'open' });
  await apply('allow-dns');
  await expectInForce(asked, all('open'));
  await must(cluster.kubectl('delete', 'networkpolicy', 'allow-dns', '-n', 'closed'));
  await expectSoon(asked, { near: 'closed', far: 'closed', free: 'open' });
});

test('a policy of the servers’ side denies as well', async () => {
  const others = [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['closed'] }];
  await applyPolicies(
    cluster,
    policy('kube-system', 'only-others', {
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ namespaceSelector: { matchExpressions: others } }] }],
    }),
  );
  await expectInForce(asked, { near: 'closed', far: 'closed', free: 'open' });
  expect(await kernelAnswers(() => ask('near'))).toBe(0);
});

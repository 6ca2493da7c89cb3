/** NetworkPolicies put on a test's cluster, and what is looked at once they are in force. */
import { expect } from 'vitest';
import { must } from './tendril.ts';
import type { TestCluster } from './test-cluster.ts';
import { until, usualMs } from './until.ts';

export interface PolicySpec {
  podSelector?: object;
  policyTypes?: readonly string[];
  ingress?: readonly object[];
  egress?: readonly object[];
}

export const policy = (namespace: string, name: string, spec: PolicySpec): object => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace },
  spec: { podSelector: {}, ...spec },
});

/** As Kubernetes' documentation has it. */
export const denyIngress = (namespace: string): object =>
  policy(namespace, 'default-deny-ingress', { policyTypes: ['Ingress'] });
export const denyEgress = (namespace: string): object =>
  policy(namespace, 'default-deny-egress', { policyTypes: ['Egress'] });

interface Listed {
  policies: { namespace: string; name: string; enforced: { nodes: number; of: number } }[];
}

export async function listPolicies(cluster: TestCluster): Promise<Listed['policies']> {
  const text = await must(cluster.tendril(['policy', 'list', '-A', '-o', 'json']));
  return (JSON.parse(text) as Listed).policies;
}

/** Resolves when every node has them in its kernel. */
export async function applyPolicies(cluster: TestCluster, ...objects: object[]): Promise<void> {
  const stdin = objects.map((object) => JSON.stringify(object)).join('\n---\n');
  await must(cluster.tendril(['apply', '-f', '-'], { stdin }));
  await inForce(cluster);
}

/** Resolves when every node has all policies, as they are now, in its kernel. */
export async function inForce(cluster: TestCluster): Promise<void> {
  await until('policies are in force', async () =>
    (await listPolicies(cluster)).every(({ enforced }) => enforced.nodes === enforced.of),
  );
}

export async function deletePolicies(cluster: TestCluster, ...namespaces: string[]): Promise<void> {
  const remove = (namespace: string) =>
    must(cluster.kubectl('delete', 'networkpolicies', '--all', '-n', namespace));
  await Promise.all(namespaces.map(remove));
}

type Seen = Readonly<Record<string, string>>;

/**
 * Under policies that are in force: what is closed is so at the first look. What is open may be looked at again, for a
 * machine with much to do may have no time for a connection.
 */
export async function expectInForce(look: () => Promise<Seen>, expected: Seen): Promise<void> {
  const leaks = (now: Seen) => Object.keys(expected).some((key) => isLeak(now[key]!, expected[key]!));
  const seen = await lookUntil(look, (now) => isSame(now, expected) || leaks(now));
  expect(seen).toEqual(expected);
}

/** Of two summaries (`reach.ts`): one word, or several with their keys. */
function isLeak(seen: string, expected: string): boolean {
  if (expected === 'closed') return seen !== 'closed';
  const closed = expected.split(', ').filter((part) => part.endsWith(' closed'));
  return closed.some((part) => seen === 'open' || seen.includes(part.replace(/ closed$/, ' open')));
}

/** After a change that takes its time, such as of labels. */
export async function expectSoon(look: () => Promise<Seen>, expected: Seen): Promise<void> {
  expect(await lookUntil(look, (now) => isSame(now, expected))).toEqual(expected);
}

const isSame = (seen: Seen, expected: Seen) =>
  Object.keys(expected).every((key) => seen[key] === expected[key]);

/** What was seen last. */
async function lookUntil(look: () => Promise<Seen>, enough: (seen: Seen) => boolean): Promise<Seen> {
  let seen: Seen = {};
  let isOver = false;
  const deadline = setTimeout(() => {
    isOver = true;
  }, usualMs);
  while (!isOver) {
    seen = await look();
    if (enough(seen)) break;
  }
  clearTimeout(deadline);
  return seen;
}

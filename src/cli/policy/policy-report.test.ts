import { describe, expect, it } from 'vitest';
import type { NetworkPolicy, Pod } from '../../kube/types.ts';
import { type AgentPolicyStatus, policyReport, policyReportText, selectedPods } from './policy-report.ts';

const policy = (name: string, spec: NetworkPolicy['spec'], resourceVersion = '7') =>
  ({ metadata: { namespace: 'shop', name, resourceVersion }, spec }) as NetworkPolicy;
const pod = (name: string, labels: Record<string, string>, more: Partial<Pod> = {}) =>
  ({ metadata: { namespace: 'shop', name, labels }, spec: { containers: [] }, ...more }) as Pod;
const agent = (node: string, policy?: AgentPolicyStatus['policy']) => ({
  node,
  answer: policy === undefined ? {} : { policy },
});

const pods = [
  ...['d', 'c', 'b', 'a'].map((name) => pod(name, { app: 'web' })),
  pod('db', { app: 'db' }),
  pod('of-node', { app: 'db' }, { spec: { containers: [], hostNetwork: true } }),
  pod('ended', { app: 'db' }, { status: { phase: 'Succeeded' } }),
  { ...pod('elsewhere', { app: 'db' }), metadata: { namespace: 'other', name: 'db', labels: { app: 'db' } } },
] as Pod[];
const deny = policy('default-deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
const db = policy('db', { podSelector: { matchLabels: { app: 'db' } }, policyTypes: ['Ingress'] }, '12');

describe('a policy selects', () => {
  it('pods of its namespace that have packets of their own', () => {
    expect(selectedPods(deny, pods)).toEqual(['a', 'b', 'c', 'd', 'db']);
    expect(selectedPods(db, pods)).toEqual(['db']);
    expect(selectedPods(policy('all', {}), pods)).toHaveLength(5);
  });
});

describe('a policy is enforced', () => {
  it('on nodes whose kernel has its version or a newer one', () => {
    const answers = [
      agent('node-1', { enforced: true, revision: '12' }),
      agent('node-2', { enforced: true, revision: '7' }),
      agent('node-3', { enforced: false, revision: '12', problem: 'the kernel has no room' }),
      { node: 'node-4', problem: 'the agent does not answer' },
      agent('node-5'),
      agent('node-6', { enforced: true }),
    ];
    const report = policyReport({ policies: [deny, db], pods, answers });
    expect(report.policies.map(({ enforced }) => enforced)).toEqual([
      { nodes: 2, of: 6 },
      { nodes: 1, of: 6 },
    ]);
    expect(report.problems).toEqual([
      { node: 'node-3', problem: 'the kernel has no room' },
      { node: 'node-4', problem: 'the agent does not answer' },
      { node: 'node-5', problem: 'its agent enforces no policies' },
    ]);
  });

  it('in the order of versions as numbers', () => {
    const answers = [agent('node-1', { enforced: true, revision: '9' })];
    const [view] = policyReport({ policies: [db], pods, answers }).policies;
    expect(view?.enforced.nodes).toBe(0);
  });
});

describe('the text', () => {
  const answers = [agent('node-1', { enforced: true, revision: '12' }), { node: 'node-2', problem: 'gone' }];

  it('names some of the pods, and what is wrong', () => {
    expect(policyReportText(policyReport({ policies: [deny, db], pods, answers }))).toBe(
      [
        'NAMESPACE   NAME           PODS                 DIRECTIONS        ENFORCED',
        'shop        default-deny   a, b, c and 2 more   ingress, egress   1/2 nodes',
        'shop        db             db                   ingress           1/2 nodes',
        '',
        'Problems:',
        '  node-2: gone',
        '',
      ].join('\n'),
    );
  });

  it('says so where there are none', () => {
    const none = policyReport({ policies: [], pods, answers: [answers[0]!] });
    expect(policyReportText(none)).toBe('There are no NetworkPolicies.\n');
  });
});

/** NetworkPolicies, whom they select and on how many nodes they are in force, as users read it. Pure. */
import { compileSelector } from '../../kube/selectors.ts';
import type { NetworkPolicy, Pod } from '../../kube/types.ts';
import { formatTable } from '../output/table.ts';
import type { NodeAnswer } from './node-answers.ts';
import { hasEnded } from './parties.ts';

/** What an agent's status says of policies; absent in one that knows none. */
export interface AgentPolicyStatus {
  policy?: {
    enforced: boolean;
    problem?: string;
    /** Newest resourceVersion of NetworkPolicies in the kernel. */
    revision?: string;
  };
}

export interface PolicyView {
  namespace: string;
  name: string;
  /** Names of those that it selects. */
  pods: string[];
  directions: ('ingress' | 'egress')[];
  enforced: { nodes: number; of: number };
}

export interface PolicyReport {
  policies: PolicyView[];
  /** Nodes on which something is wrong. */
  problems: { node: string; problem: string }[];
}

export interface PolicySources {
  policies: readonly NetworkPolicy[];
  pods: readonly Pod[];
  answers: readonly NodeAnswer<AgentPolicyStatus>[];
}

export function policyReport({ policies, pods, answers }: PolicySources): PolicyReport {
  return {
    policies: policies.map((policy) => {
      const { namespace = 'default', name, resourceVersion } = policy.metadata;
      return {
        ...{ namespace, name, pods: selectedPods(policy, pods), directions: directionsOf(policy) },
        enforced: {
          nodes: answers.filter((answer) => hasInForce(answer, resourceVersion)).length,
          of: answers.length,
        },
      };
    }),
    problems: answers.flatMap((answer) => {
      const problem = problemOf(answer);
      return problem === undefined ? [] : [{ node: answer.node, problem }];
    }),
  };
}

/** Those of the node's own network are nobody's, and one that has ended has no packets. */
export function selectedPods({ metadata, spec }: NetworkPolicy, pods: readonly Pod[]): string[] {
  const selects = compileSelector(spec?.podSelector ?? {});
  return pods
    .filter((pod) => pod.metadata.namespace === metadata.namespace && selects(pod.metadata.labels))
    .filter((pod) => !pod.spec?.hostNetwork && !hasEnded(pod))
    .map((pod) => pod.metadata.name)
    .sort();
}

/** The API server fills in policyTypes. */
function directionsOf({ spec }: NetworkPolicy): PolicyView['directions'] {
  const types = spec?.policyTypes ?? (spec?.egress ? ['Ingress', 'Egress'] : ['Ingress']);
  return (['ingress', 'egress'] as const).filter((direction) =>
    types.some((type) => type.toLowerCase() === direction),
  );
}

function hasInForce(answer: NodeAnswer<AgentPolicyStatus>, version: string): boolean {
  if ('problem' in answer) return false;
  const { enforced = false, revision = '' } = answer.answer.policy ?? {};
  return enforced && revision !== '' && BigInt(revision) >= BigInt(version);
}

function problemOf(answer: NodeAnswer<AgentPolicyStatus>): string | undefined {
  if ('problem' in answer) return answer.problem;
  const { policy } = answer.answer;
  if (policy === undefined) return 'its agent enforces no policies';
  return policy.problem ?? (policy.enforced ? undefined : 'policies are not in force yet');
}

export function policyReportText({ policies, problems }: PolicyReport): string {
  const rows = policies.map(({ namespace, name, pods, directions, enforced }) => [
    ...[namespace, name, shortList(pods), directions.join(', ')],
    `${enforced.nodes}/${enforced.of} nodes`,
  ]);
  const table =
    rows.length === 0
      ? 'There are no NetworkPolicies.\n'
      : formatTable(['NAMESPACE', 'NAME', 'PODS', 'DIRECTIONS', 'ENFORCED'], rows);
  if (problems.length === 0) return table;
  return `${table}\nProblems:\n${problems.map(({ node, problem }) => `  ${node}: ${problem}\n`).join('')}`;
}

const shownPods = 3;

function shortList(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length > shownPods ? ` and ${names.length - shownPods} more` : '';
  return `${names.slice(0, shownPods).join(', ')}${more}`;
}

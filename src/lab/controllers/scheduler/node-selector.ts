/** Which nodes a pod may be on by nodeSelector and node affinity, and which taints it tolerates. Pure. */
import { compileRequirement, type LabelSelectorRequirement } from '../../../kube/selectors.ts';
import type { Node, PodSpec } from '../../../kube/types.ts';

export interface Taint {
  key: string;
  value?: string;
  effect: string;
}

export interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
}

interface NodeSelectorTerm {
  matchExpressions?: readonly LabelSelectorRequirement[];
  matchFields?: readonly LabelSelectorRequirement[];
}

/** nodeSelector and requiredDuringSchedulingIgnoredDuringExecution node affinity; both must hold. */
export function selectsNode(spec: PodSpec, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  if (Object.entries(spec.nodeSelector ?? {}).some(([key, value]) => labels[key] !== value)) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || (required.nodeSelectorTerms ?? []).some((term) => matchesTerm(term, node));
}

/** Requirements of a term are ANDed; an empty term matches nothing. */
export function matchesTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  node: Node,
): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields = { 'metadata.name': node.metadata.name };
  return (
    matchExpressions.every((requirement) => compileRequirement(requirement)(node.metadata.labels)) &&
    matchFields.every((requirement) => compileRequirement(requirement)(fields))
  );
}

/** An empty key with Exists tolerates everything; an absent effect, all effects. */
export function tolerates(tolerations: readonly Toleration[], taint: Taint): boolean {
  return tolerations.some(({ key = '', operator = 'Equal', value = '', effect }) => {
    if (effect && effect !== taint.effect) return false;
    if (key === '') return operator === 'Exists';
    return key === taint.key && (operator === 'Exists' || value === (taint.value ?? ''));
  });
}

/** The node's taints, with the one that `kubectl cordon` stands for. */
export function taintsOf(node: Node): Taint[] {
  const taints = node.spec?.taints ?? [];
  if (!node.spec?.unschedulable || taints.some((taint) => taint.key === unschedulable.key)) return taints;
  return [...taints, unschedulable];
}

const unschedulable: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** The first taint that keeps the pod away from the node. */
export function untoleratedTaint(
  spec: PodSpec,
  node: Node,
  effects = ['NoSchedule', 'NoExecute'],
): Taint | undefined {
  return taintsOf(node).find(
    (taint) => effects.includes(taint.effect) && !tolerates(spec.tolerations ?? [], taint),
  );
}

/** Required rules between pods: affinity, anti-affinity (both ways) and topology spread. Pure. */
import { compileSelector, type LabelSelector } from '../../../kube/selectors.ts';
import type { Pod } from '../../../kube/types.ts';
import { isTerminating } from '../pods/pod-state.ts';
import type { ClusterView, NodeView } from './cluster-view.ts';
import { selectsNode } from './node-selector.ts';

export interface AffinityTerm {
  labelSelector?: LabelSelector;
  namespaces?: readonly string[];
  namespaceSelector?: LabelSelector;
  topologyKey: string;
}

/** Labels of a namespace, for namespaceSelector. */
export type NamespaceLabels = (namespace: string) => Record<string, string> | undefined;

/** Whether the term of a pod of `namespace` speaks of `other`. */
function speaksOf(
  term: AffinityTerm,
  namespace: string,
  namespaceLabels: NamespaceLabels,
): (other: Pod) => boolean {
  const matches = compileSelector(term.labelSelector);
  const inSelected = compileSelector(term.namespaceSelector);
  const named = term.namespaces ?? [];
  const own = named.length === 0 && term.namespaceSelector === undefined;
  return (other) => {
    const at = other.metadata.namespace ?? '';
    const inNamespace = own ? at === namespace : named.includes(at) || inSelected(namespaceLabels(at));
    return inNamespace && matches(other.metadata.labels);
  };
}

function domainOf(view: NodeView, topologyKey: string): string | undefined {
  return view.node?.metadata.labels?.[topologyKey];
}

/** Counts of the pods that `counts`, by domain of the topology. */
function countByDomain(
  view: ClusterView,
  topologyKey: string,
  counts: (pod: Pod) => boolean,
): Map<string, number> {
  const result = new Map<string, number>();
  for (const node of view.nodes.values()) {
    const domain = domainOf(node, topologyKey);
    if (domain === undefined) continue;
    let count = result.get(domain) ?? 0;
    for (const pod of node.pods.values()) if (counts(pod)) count++;
    result.set(domain, count);
  }
  return result;
}

/** A check of a node: the reason why the pod may not be there, or undefined. */
export type NodeCheck = (node: NodeView) => string | undefined;

/** The pod's own required anti-affinity, and its affinity. */
export function affinityChecks(pod: Pod, view: ClusterView, namespaceLabels: NamespaceLabels): NodeCheck[] {
  const namespace = pod.metadata.namespace ?? '';
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const checks: NodeCheck[] = [];
  for (const term of podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
    const concerns = speaksOf(term as AffinityTerm, namespace, namespaceLabels);
    const counts = countByDomain(view, term.topologyKey, concerns);
    // The first pod of a group that is affine to itself could never be placed otherwise.
    const first = concerns(pod) && [...counts.values()].every((count) => count === 0);
    checks.push((node) => {
      const domain = domainOf(node, term.topologyKey);
      const holds = domain !== undefined && (first || (counts.get(domain) ?? 0) > 0);
      return holds ? undefined : "node(s) didn't match pod affinity rules";
    });
  }
  for (const term of podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
    const concerns = speaksOf(term as AffinityTerm, namespace, namespaceLabels);
    const counts = countByDomain(view, term.topologyKey, concerns);
    checks.push((node) => {
      const domain = domainOf(node, term.topologyKey);
      const free = domain === undefined || (counts.get(domain) ?? 0) === 0;
      return free ? undefined : "node(s) didn't match pod anti-affinity rules";
    });
  }
  return checks;
}

/** The anti-affinity of the pods that are there already. */
export function existingAntiAffinityCheck(
  pod: Pod,
  view: ClusterView,
  namespaceLabels: NamespaceLabels,
): NodeCheck {
  const forbidden = new Map<string, Set<string>>();
  for (const { pod: other, nodeName } of view.antiAffine.values()) {
    const { requiredDuringSchedulingIgnoredDuringExecution: terms } = other.spec!.affinity!.podAntiAffinity!;
    for (const term of terms ?? []) {
      if (!speaksOf(term as AffinityTerm, other.metadata.namespace ?? '', namespaceLabels)(pod)) continue;
      const domain = domainOf(view.nodes.get(nodeName)!, term.topologyKey);
      if (domain === undefined) continue;
      const domains = forbidden.get(term.topologyKey) ?? new Set();
      forbidden.set(term.topologyKey, domains.add(domain));
    }
  }
  return (node) => {
    for (const [topologyKey, domains] of forbidden) {
      const domain = domainOf(node, topologyKey);
      if (domain !== undefined && domains.has(domain))
        return "node(s) didn't satisfy existing pods anti-affinity rules";
    }
    return undefined;
  };
}

/** topologySpreadConstraints with DoNotSchedule: a domain may be at most maxSkew above the emptiest. */
export function spreadChecks(pod: Pod, view: ClusterView): NodeCheck[] {
  const constraints = pod.spec?.topologySpreadConstraints ?? [];
  return constraints
    .filter((constraint) => constraint.whenUnsatisfiable === 'DoNotSchedule')
    .map(({ topologyKey, maxSkew, labelSelector, matchLabelKeys = [], minDomains = 1 }) => {
      const sameLabels = Object.fromEntries(
        matchLabelKeys.map((key) => [key, pod.metadata.labels?.[key] ?? '']),
      );
      const bySelector = compileSelector(labelSelector as LabelSelector | undefined);
      const byKeys = compileSelector({ matchLabels: sameLabels });
      const counts = countByDomain(
        view,
        topologyKey,
        (other) =>
          other.metadata.namespace === pod.metadata.namespace &&
          !isTerminating(other) &&
          bySelector(other.metadata.labels) &&
          byKeys(other.metadata.labels),
      );
      const eligible = [...view.nodes.values()].filter(
        (node) => node.node && selectsNode(pod.spec!, node.node),
      );
      const domains = new Set(
        eligible.map((node) => domainOf(node, topologyKey)).filter((d) => d !== undefined),
      );
      const emptiest =
        domains.size < minDomains ? 0 : Math.min(...[...domains].map((domain) => counts.get(domain) ?? 0));
      const self = bySelector(pod.metadata.labels) ? 1 : 0;
      return (node: NodeView) => {
        const domain = domainOf(node, topologyKey);
        if (domain === undefined)
          return "node(s) didn't match pod topology spread constraints (missing required label)";
        const skew = (counts.get(domain) ?? 0) + self - emptiest;
        return skew <= maxSkew ? undefined : "node(s) didn't match pod topology spread constraints";
      };
    });
}

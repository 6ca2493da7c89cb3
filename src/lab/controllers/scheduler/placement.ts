/** Where a pod goes: nodes that every rule allows, then the one with the fewest pods of its kind. Pure. */
import { controllerOf } from '../../../kube/meta.ts';
import { podRequests } from '../../../kube/pod-resources.ts';
import type { Pod } from '../../../kube/types.ts';
import { type ClusterView, hostPortsOf, type NodeView } from './cluster-view.ts';
import { matchesTerm, selectsNode, untoleratedTaint } from './node-selector.ts';
import {
  affinityChecks,
  existingAntiAffinityCheck,
  type NamespaceLabels,
  type NodeCheck,
  spreadChecks,
} from './pod-affinity.ts';

/** A node's name, or why there is none, in kube-scheduler's words. */
export type Placement = { nodeName: string } | { message: string };

export function placePod(
  pod: Pod,
  view: ClusterView,
  namespaceLabels: NamespaceLabels = () => undefined,
): Placement {
  const nodes = [...view.nodes.values()].filter((node) => node.node !== undefined);
  if (nodes.length === 0) return { message: 'no nodes available to schedule pods' };
  const checks = checksFor(pod, view, namespaceLabels);
  const reasons = new Map<string, number>();
  const feasible: NodeView[] = [];
  for (const node of nodes) {
    const reason = firstReason(checks, node);
    if (reason === undefined) feasible.push(node);
    else reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  if (feasible.length > 0) return { nodeName: best(pod, feasible).name };
  const texts = [...reasons].map(([reason, count]) => `${count} ${reason}`).sort();
  return { message: `0/${nodes.length} nodes are available: ${texts.join(', ')}.` };
}

/** In kube-scheduler's order, which decides what a node is reported for. */
function checksFor(pod: Pod, view: ClusterView, namespaceLabels: NamespaceLabels): NodeCheck[] {
  const spec = pod.spec!;
  return [
    ({ node }) => taintReason(untoleratedTaint(spec, node!)),
    ({ node }) =>
      selectsNode(spec, node!) ? undefined : "node(s) didn't match Pod's node affinity/selector",
    portCheck(pod),
    fitCheck(pod),
    ...spreadChecks(pod, view),
    existingAntiAffinityCheck(pod, view, namespaceLabels),
    ...affinityChecks(pod, view, namespaceLabels),
  ];
}

function firstReason(checks: NodeCheck[], node: NodeView): string | undefined {
  for (const check of checks) {
    const reason = check(node);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function taintReason(taint: ReturnType<typeof untoleratedTaint>): string | undefined {
  if (taint === undefined) return undefined;
  if (taint.key === 'node.kubernetes.io/unschedulable') return 'node(s) were unschedulable';
  return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
}

function portCheck(pod: Pod): NodeCheck {
  const wanted = hostPortsOf(pod);
  const reason = "node(s) didn't have free ports for the requested pod ports";
  if (wanted.length === 0) return () => undefined;
  return ({ hostPorts }) =>
    wanted.some((port) => [...hostPorts.keys()].some((taken) => portsMeet(port, taken))) ? reason : undefined;
}

/** The wildcard address meets every address. */
function portsMeet(a: string, b: string): boolean {
  const [protocolA, ipA, portA] = a.split('/');
  const [protocolB, ipB, portB] = b.split('/');
  const isAny = (ip: string | undefined) => ip === '0.0.0.0' || ip === '::';
  return protocolA === protocolB && portA === portB && (ipA === ipB || isAny(ipA) || isAny(ipB));
}

function fitCheck(pod: Pod): NodeCheck {
  const requests = podRequests(pod.spec!);
  return ({ allocatable, requested, pods }) => {
    if (allocatable === undefined) return undefined;
    const room = allocatable.get('pods');
    if (room !== undefined && pods.size + 1 > room) return 'Too many pods';
    for (const [resource, amount] of requests) {
      if (amount === 0) continue;
      if ((requested.get(resource) ?? 0) + amount > (allocatable.get(resource) ?? 0))
        return `Insufficient ${resource}`;
    }
    return undefined;
  };
}

/** Compared number by number; lower is better. The name makes the choice repeatable. */
function best(pod: Pod, nodes: readonly NodeView[]): NodeView {
  const owner = controllerOf(pod)?.uid ?? '';
  const rank = (node: NodeView) => [
    -preference(pod, node),
    untoleratedTaint(pod.spec!, node.node!, ['PreferNoSchedule']) === undefined ? 0 : 1,
    node.byOwner.get(owner) ?? 0,
    node.pods.size,
  ];
  const ranked = nodes.map((node) => ({ node, rank: rank(node) }));
  return ranked.reduce((a, b) => (compare(b.rank, a.rank) < 0 ? b : a)).node;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

/** The weight of preferred node affinity. */
function preference(pod: Pod, { node }: NodeView): number {
  const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return preferred.reduce(
    (sum, { weight, preference }) => sum + (matchesTerm(preference, node!) ? weight : 0),
    0,
  );
}

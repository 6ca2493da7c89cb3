/** Which nodes run a DaemonSet's pod. Pure. Source: kubernetes pkg/controller/daemon (NodeShouldRunDaemonPod). */
import type { DaemonSet, Node, PodSpec, PodTemplateSpec } from '../../../kube/types.ts';
import { selectsNode, untoleratedTaint } from '../scheduler/node-selector.ts';

type Toleration = NonNullable<PodSpec['tolerations']>[number];

const always = (key: string, effect: 'NoExecute' | 'NoSchedule'): Toleration => ({
  key,
  operator: 'Exists',
  effect,
});

/** A daemon stays on a node through its troubles. */
const daemonTolerations: Toleration[] = [
  always('node.kubernetes.io/not-ready', 'NoExecute'),
  always('node.kubernetes.io/unreachable', 'NoExecute'),
  always('node.kubernetes.io/disk-pressure', 'NoSchedule'),
  always('node.kubernetes.io/memory-pressure', 'NoSchedule'),
  always('node.kubernetes.io/pid-pressure', 'NoSchedule'),
  always('node.kubernetes.io/unschedulable', 'NoSchedule'),
];

/** The spec of a daemon's pod before it is bound to a node. */
export function daemonSpec(template: PodTemplateSpec): PodSpec {
  const spec = template.spec!;
  const network = spec.hostNetwork ? [always('node.kubernetes.io/network-unavailable', 'NoSchedule')] : [];
  const own = spec.tolerations ?? [];
  const has = (toleration: Toleration) =>
    own.some((t) => t.key === toleration.key && t.effect === toleration.effect);
  const added = [...daemonTolerations, ...network].filter((toleration) => !has(toleration));
  return { ...spec, tolerations: [...own, ...added] };
}

/** The same for one node: the scheduler binds it there and nowhere else. */
export function specForNode(spec: PodSpec, nodeName: string): PodSpec {
  const nodeAffinity = spec.affinity?.nodeAffinity;
  const terms = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [{}];
  const here = [{ key: 'metadata.name', operator: 'In' as const, values: [nodeName] }];
  const required = { nodeSelectorTerms: terms.map((term) => ({ ...term, matchFields: here })) };
  return {
    ...spec,
    affinity: {
      ...spec.affinity,
      nodeAffinity: { ...nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: required },
    },
  };
}

export interface NodeVerdict {
  /** A pod is to be made there. */
  run: boolean;
  /** A pod that is there may stay. */
  stay: boolean;
}

export function daemonOnNode(set: DaemonSet, node: Node): NodeVerdict {
  const spec = daemonSpec(set.spec!.template);
  if (spec.nodeName !== undefined && spec.nodeName !== node.metadata.name) return { run: false, stay: false };
  if (!selectsNode(spec, node)) return { run: false, stay: false };
  const stay = untoleratedTaint(spec, node, ['NoExecute']) === undefined;
  return { run: untoleratedTaint(spec, node) === undefined, stay };
}

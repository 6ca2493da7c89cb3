/**
 * What a pod and its containers may use, as cgroups take it: pure. Sources: kubelet's ResourceConfigForPod
 * (cm/helpers_linux.go) and generateLinuxContainerResources (kuberuntime_container_linux.go).
 */
import { podLimits } from '../../kube/pod-resources.ts';
import { parseQuantity } from '../../kube/quantity.ts';
import type { Container, Pod } from '../../kube/types.ts';
import type { Limits } from '../../linux/cgroup/limited-cgroups.ts';

type Limited = 'memory' | 'cpu';
type Resources = Container['resources'];

/** A container may be in more groups than it has limits: what its pod is limited in is counted for each container. */
export function containerLimits(pod: Pod, container?: Container): Limits {
  return limits(pod, Number.POSITIVE_INFINITY, (name) => limitOf(container?.resources, name));
}

/** Of the group around its containers' groups. */
export function podCgroupLimits(pod: Pod, { podPidsLimit }: { podPidsLimit: number }): Limits {
  return limits(pod, podPidsLimit, (name) => podLimit(pod, name));
}

/** The pod's own limit, else the sum of its containers' where all have one. */
export function podLimit(pod: Pod, name: Limited): number | undefined {
  const own = limitOf(pod.spec?.resources, name);
  if (own !== undefined) return own;
  if (!containersOf(pod).every(({ resources }) => limitOf(resources, name) !== undefined)) return undefined;
  const sum = podLimits(pod.spec!).get(name)!;
  return name === 'cpu' ? sum / 1000 : sum;
}

/** Whether the pod or any container of it has a limit. */
export function isLimited(pod: Pod, name: Limited): boolean {
  const all = [pod.spec?.resources, ...containersOf(pod).map(({ resources }) => resources)];
  return all.some((resources) => limitOf(resources, name) !== undefined);
}

function limits(pod: Pod, pids: number, limit: (name: Limited) => number | undefined): Limits {
  const ofOne = (name: Limited) =>
    isLimited(pod, name) ? { [name]: limit(name) ?? Number.POSITIVE_INFINITY } : {};
  return { pids, ...ofOne('memory'), ...ofOne('cpu') };
}

/** 0 is no limit. */
function limitOf(resources: Resources, name: Limited): number | undefined {
  const limit = parseQuantity(resources?.limits?.[name] ?? 0);
  return limit > 0 ? limit : undefined;
}

function containersOf({ spec }: Pod): Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
}

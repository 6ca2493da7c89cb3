/**
 * What a pod may take of its node's disk, and what becomes of one that takes more. Pure. Source: kubelet's
 * localStorageEviction (eviction/eviction_manager.go, with the words of helpers.go).
 */
import { podLimits } from '../../kube/pod-resources.ts';
import { formatQuantity, parseQuantity } from '../../kube/quantity.ts';
import type { Container, Pod, Volume } from '../../kube/types.ts';

/** In bytes. */
export interface StorageUse {
  /** emptyDirs that are not of memory, and configMaps: by volume. */
  volumes: ReadonlyMap<string, number>;
  /** What each container has written to its root, and its logs. */
  containers: ReadonlyMap<string, number>;
  /** The pod's own files in /etc. */
  etc: number;
}

const resource = 'ephemeral-storage';

/** kubelet's SystemCriticalPriority: it evicts no such pod. */
const critical = 2_000_000_000;

/** Whether the pod can be evicted for what it takes: nothing needs to be measured otherwise. */
export function isStorageLimited(pod: Pod): boolean {
  const { volumes = [], containers = [], initContainers = [], priority = 0 } = pod.spec ?? {};
  if (priority >= critical) return false;
  return (
    volumes.some((volume) => emptyDirLimit(volume) !== undefined) ||
    [...initContainers, ...containers].some((container) => container.resources?.limits?.[resource])
  );
}

/** Volumes that are files of the pod on its node's disk. */
export function storedVolumes(pod: Pod): string[] {
  return (pod.spec?.volumes ?? [])
    .filter(({ emptyDir, configMap }) => configMap || (emptyDir && emptyDir.medium !== 'Memory'))
    .map(({ name }) => name);
}

/** The message of the eviction, with the space that kubelet leaves at its end; undefined where there is none. */
export function evictionMessage(pod: Pod, use: StorageUse): string | undefined {
  return ofVolumes(pod, use) ?? ofPod(pod, use) ?? ofContainers(pod, use);
}

function ofVolumes(pod: Pod, { volumes }: StorageUse): string | undefined {
  for (const volume of pod.spec?.volumes ?? []) {
    const limit = emptyDirLimit(volume);
    if (limit !== undefined && isOver(volumes.get(volume.name), limit))
      return `Usage of EmptyDir volume "${volume.name}" exceeds the limit "${canonical(limit)}". `;
  }
  return undefined;
}

/** Of all containers together that have a limit, whoever of the pod took it. */
function ofPod(pod: Pod, { volumes, containers, etc }: StorageUse): string | undefined {
  const limit = podLimits(pod.spec!).get(resource);
  if (limit === undefined) return undefined;
  const used = [...volumes.values(), ...containers.values(), etc].reduce((sum, bytes) => sum + bytes, 0);
  if (used <= limit) return undefined;
  const total = formatQuantity(limit, firstLimit(pod));
  return `Pod ephemeral local storage usage exceeds the total limit of containers ${total}. `;
}

function ofContainers(pod: Pod, { containers }: StorageUse): string | undefined {
  for (const { name, resources } of pod.spec?.containers ?? []) {
    const limit = resources?.limits?.[resource] ?? '0';
    if (parseQuantity(limit) > 0 && isOver(containers.get(name), limit))
      return `Container ${name} exceeded its local ephemeral storage limit "${canonical(limit)}". `;
  }
  return undefined;
}

/** 0 is no limit. */
function emptyDirLimit({ emptyDir }: Volume): string | number | undefined {
  const limit = emptyDir?.sizeLimit;
  return limit !== undefined && parseQuantity(limit) > 0 ? limit : undefined;
}

function firstLimit(pod: Pod): string | number {
  const all: Container[] = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return all.map(({ resources }) => resources?.limits?.[resource]).find((limit) => limit !== undefined)!;
}

const isOver = (used: number | undefined, limit: string | number): boolean =>
  used !== undefined && used > parseQuantity(limit);

const canonical = (limit: string | number): string => formatQuantity(parseQuantity(limit), limit);

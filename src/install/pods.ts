/** Which pods are wired by Tendril and which are not, and pods made anew. */
import { isConflict } from '../kube/client/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { controllerOf } from '../kube/meta.ts';
import { resources } from '../kube/resources.ts';
import type { Pod } from '../kube/types.ts';
import type { AttachmentsReport } from '../node-tasks/attachments.ts';
import { absent } from './cluster-objects.ts';
import { poll, type Waiting } from './poll.ts';

export interface SortedPods {
  wired: Pod[];
  /** Of the same nodes, with addresses of another network. */
  outside: Pod[];
}

/** Pods of the pod network that run, by whether their node's agent knows them. Pure. */
export function sortPods(
  pods: readonly Pod[],
  attachments: ReadonlyMap<string, AttachmentsReport>,
): SortedPods {
  const known = new Set(
    [...attachments.values()].flatMap((report) =>
      report.pods.map(({ namespace, pod }) => `${namespace}/${pod}`),
    ),
  );
  const onNodes = pods.filter(
    ({ spec, status }) =>
      !spec?.hostNetwork &&
      attachments.has(spec?.nodeName ?? '') &&
      !['Succeeded', 'Failed'].includes(status?.phase ?? ''),
  );
  const isKnown = ({ metadata }: Pod) => known.has(`${metadata.namespace}/${metadata.name}`);
  return {
    wired: onNodes.filter(isKnown),
    outside: onNodes.filter((pod) => !isKnown(pod) && (pod.status?.podIPs?.length ?? 0) > 0),
  };
}

/** Whether somebody makes another one in its place. */
export const isReplaced = (pod: Pod): boolean => controllerOf(pod) !== undefined;

export const podText = ({ metadata }: Pod): string => `${metadata.namespace}/${metadata.name}`;

/** Of a StatefulSet the next one has the name of the one that is gone. */
function goneOrAnother(error: unknown): void {
  if (!isConflict(error)) absent(error);
}

/** Those that are still there after the time, by name. Gracefully, as `kubectl delete` does. */
export async function deletePods(
  client: KubeClient,
  pods: readonly Pod[],
  waiting: Waiting,
): Promise<string[]> {
  for (const { metadata } of pods) {
    const preconditions = { uid: metadata.uid };
    await client.delete(resources.pods, metadata, { preconditions }).catch(goneOrAnother);
  }
  let left = [...pods];
  await poll(waiting, async () => {
    const there = await Promise.all(
      left.map(async (pod) => {
        const now = await client.get(resources.pods, pod.metadata).catch(absent);
        return now?.metadata.uid === pod.metadata.uid ? [pod] : [];
      }),
    );
    left = there.flat();
    return left.length === 0 ? true : undefined;
  });
  return left.map(podText);
}

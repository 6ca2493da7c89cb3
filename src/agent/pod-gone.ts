/** Whether a pod that a connection leads to is no more, by the API's own word. */
import { isNotFound } from '../kube/client/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { resources } from '../kube/resources.ts';
import type { PodReference } from '../service/model/departed-pods.ts';

export async function isPodGone(
  client: KubeClient,
  { namespace, name, uid }: PodReference,
): Promise<boolean> {
  try {
    const pod = await client.get(resources.pods, { namespace, name });
    return pod.metadata.uid !== uid || ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '');
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}

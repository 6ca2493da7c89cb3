/** Whether a pod of the API is the one that a runtime tells of. */
import type { Pod } from '../../kube/types.ts';

/** Of the API's object for a pod that a kubelet has from elsewhere: the uid that the kubelet, and so the runtime, knows. */
export const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** @param uid as the runtime told it; undefined where it did not: then its name has to do */
export function isSamePod({ metadata }: Pod, uid: string | undefined): boolean {
  return uid === undefined || metadata.uid === uid || metadata.annotations?.[mirrorAnnotation] === uid;
}

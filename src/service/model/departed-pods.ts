/** Pods that EndpointSlices named and name no more: they may have ended, or only lost a label. */
import type { Store } from '../../kube/client/store.ts';
import type { EndpointSlice } from '../../kube/types.ts';

export interface PodReference {
  namespace: string;
  name: string;
  uid: string;
}

export interface DepartedPod extends PodReference {
  addresses: readonly string[];
}

/** Calls back for each pod that a change of a slice took out of it; the result unsubscribes. */
export function followDepartures(
  slices: Pick<Store<EndpointSlice>, 'onChange'>,
  each: (pod: DepartedPod) => void,
): () => void {
  return slices.onChange(({ old, new: now }) => {
    if (old === undefined) return;
    const left = podsOf(now);
    for (const [uid, pod] of podsOf(old)) if (!left.has(uid)) each(pod);
  });
}

function podsOf(slice: EndpointSlice | undefined): Map<string, DepartedPod> {
  const pods = new Map<string, DepartedPod>();
  for (const { targetRef, addresses } of slice?.endpoints ?? []) {
    const { kind, namespace, name, uid } = targetRef ?? {};
    if (kind === 'Pod' && namespace && name && uid) pods.set(uid, { namespace, name, uid, addresses });
  }
  return pods;
}

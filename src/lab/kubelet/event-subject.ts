/** What a kubelet's event is about: the pod, or one container of it. */
import type { Pod } from '../../kube/types.ts';
import type { PodRecord } from './pod-record.ts';

const listOf = {
  init: 'initContainers',
  sidecar: 'initContainers',
  main: 'containers',
  ephemeral: 'ephemeralContainers',
} as const;

/** With the path of the container, where it is one's: `spec.containers{app}`. */
export function eventSubject({ metadata }: Pod, { containers }: PodRecord, container?: string) {
  const { name, namespace, uid } = metadata;
  const found = containers.find((each) => each.name === container);
  const fieldPath = found && `spec.${listOf[found.kind]}{${found.name}}`;
  return { kind: 'Pod', name, namespace, uid, ...(fieldPath ? { fieldPath } : {}) } as const;
}

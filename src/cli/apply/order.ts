/** The order in which objects are applied: what others refer to comes first. Data; within a kind the order of the files stays. */
import type { ManifestObject } from '../manifests/document.ts';

const order = [
  'Namespace',
  'CustomResourceDefinition',
  'PriorityClass',
  'ServiceAccount',
  'Role',
  'ClusterRole',
  'RoleBinding',
  'ClusterRoleBinding',
  'Secret',
  'ConfigMap',
  'PersistentVolumeClaim',
  // Policies before pods: no pod shall live a moment without its policy.
  'NetworkPolicy',
  // Services before pods: their containers get the Services' variables when they start.
  'Service',
  'EndpointSlice',
];

/** Kinds that are not in the list (workloads among them) come last. */
export function applyOrder(manifests: readonly ManifestObject[]): ManifestObject[] {
  const rank = ({ object }: ManifestObject) => {
    const index = order.indexOf(object.kind);
    return index < 0 ? order.length : index;
  };
  return manifests.toSorted((a, b) => rank(a) - rank(b));
}

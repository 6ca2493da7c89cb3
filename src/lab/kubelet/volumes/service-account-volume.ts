/** The volume that Kubernetes' ServiceAccount admission adds to every pod that does not opt out. */
import type { Container, Pod, Volume } from '../../../kube/types.ts';

export const serviceAccountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumeName = 'kube-api-access';

type VolumeMount = NonNullable<Container['volumeMounts']>[number];

/** Undefined where the pod has it already (an API server with that admission), or declined. */
export function serviceAccountVolume(pod: Pod): Volume | undefined {
  const spec = pod.spec;
  if (spec?.automountServiceAccountToken === false) return undefined;
  if (spec?.volumes?.some((volume) => volume.name.startsWith(volumeName))) return undefined;
  return {
    name: volumeName,
    projected: {
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
        {
          configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }], optional: true },
        },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
      ],
    },
  };
}

/** A container that mounts something there itself keeps it. */
export function serviceAccountMount(pod: Pod, container: Container): VolumeMount | undefined {
  if (serviceAccountVolume(pod) === undefined) return undefined;
  if (container.volumeMounts?.some((mount) => mount.mountPath === serviceAccountPath)) return undefined;
  return { name: volumeName, mountPath: serviceAccountPath, readOnly: true };
}

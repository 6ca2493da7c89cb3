/**
 * What cluster DNS needs in a cluster that never had any: the Service kube-dns at the address that kubelets give to pods
 * (the tenth of the Service CIDR, by kubeadm's convention), and the Corefile. What is there already is left as it is.
 */
import { isInvalid, isNotFound } from '../kube/client/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import type { KubeObject, NewObject } from '../kube/meta.ts';
import { type ResourceType, resources } from '../kube/resources.ts';
import type { Service, ServiceCidr } from '../kube/types.ts';
import { nthIp, tryParseCidr } from '../net/cidr.ts';
import { formatIp } from '../net/ip.ts';
import { defaultCorefile } from './default-corefile.ts';

const namespace = 'kube-system';
const ports = [
  { name: 'dns', port: 53, protocol: 'UDP' },
  { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  { name: 'metrics', port: 9153, protocol: 'TCP' },
] as const;

/** The tenth address of each block; none where the cluster does not tell its blocks. Pure. */
export function dnsServiceIps(serviceCidrs: readonly ServiceCidr[]): string[] {
  const first = serviceCidrs.find(({ metadata }) => metadata.name === 'kubernetes') ?? serviceCidrs[0];
  return (first?.spec?.cidrs ?? [])
    .flatMap((text) => tryParseCidr(text) ?? [])
    .map((cidr) => formatIp(nthIp(cidr, 10)));
}

/** By which `tendril uninstall` tells what was made here from what a cluster had. */
const made = { 'app.kubernetes.io/managed-by': 'tendril' };

/** @throws TendrilError API, API_UNREACHABLE */
export async function ensureClusterService(client: KubeClient, options: { zone: string }): Promise<void> {
  const { items } = await client.list(resources.serviceCidrs);
  const clusterIPs = dnsServiceIps(items);
  await ensure(client, resources.configMaps, {
    metadata: { namespace, name: 'coredns', labels: made },
    data: { Corefile: defaultCorefile(options) },
  });
  const service = kubeDns(clusterIPs);
  // Kubernetes knows PreferSameNode from 1.34 on: before, pods ask any server.
  await ensure(client, resources.services, nearest(service)).catch((error) => {
    if (!isInvalid(error)) throw error;
    return ensure(client, resources.services, service);
  });
}

function kubeDns(clusterIPs: readonly string[]) {
  return {
    metadata: {
      namespace,
      name: 'kube-dns',
      labels: {
        'k8s-app': 'kube-dns',
        'kubernetes.io/name': 'CoreDNS',
        'kubernetes.io/cluster-service': 'true',
        ...made,
      },
    },
    spec: {
      selector: { 'k8s-app': 'kube-dns' },
      ports: ports.map((port) => ({ ...port, targetPort: port.port })),
      ...(clusterIPs[0] !== undefined && { clusterIP: clusterIPs[0], clusterIPs: [...clusterIPs] }),
      ...(clusterIPs.length > 1 && { ipFamilyPolicy: 'PreferDualStack' as const }),
    },
  } satisfies NewObject<Service>;
}

/** Each pod asks its own node's server, and others while that is away. */
function nearest<S extends NewObject<Service>>(service: S): S {
  return { ...service, spec: { ...service.spec, trafficDistribution: 'PreferSameNode' } };
}

/**
 * Another server may be first. For a Service the API server then says that the address is taken, not that the name is: it
 * allocates before it looks at the name.
 */
async function ensure<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  object: NewObject<T> & { metadata: { namespace: string; name: string } },
): Promise<void> {
  const isThere = async () => {
    try {
      await client.get(type, object.metadata);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  };
  if (await isThere()) return;
  try {
    await client.create(type, object);
  } catch (error) {
    if (!(await isThere())) throw error;
  }
}

/**
 * The lab's API server, with objects put straight into its storage, served by TLS inside namespaces: what peers
 * and processes of ours are told by.
 */
import { writeFileSync } from 'node:fs';
import type { KubeObject } from '../../src/kube/meta.ts';
import { type ResourceType, resources } from '../../src/kube/resources.ts';
import { createApiServer } from '../../src/lab/apiserver/api-server.ts';
import { kubeconfig } from '../../src/lab/apiserver/pki/kubeconfig.ts';
import { apiServerNames, createCertificateAuthority } from '../../src/lab/apiserver/pki/pki.ts';
import { MemoryStorage } from '../../src/lab/apiserver/storage/memory-storage.ts';
import type { NetnsHandle } from '../../src/linux/netns/netns.ts';
import { listenTcp } from '../../src/linux/netns/sockets.ts';
import { parseIp } from '../../src/net/ip.ts';
import { nodePorts } from '../../src/net/ports.ts';
import { type ClusterObjects, nodeObject, serviceCidrs } from './objects.ts';

const port = 6443;
const loopback = parseIp('127.0.0.1');
export const serverUrl = `https://127.0.0.1:${port}`;

export interface ClusterApi {
  /** Holds exactly these Services and slices, and the node. */
  fill(objects: ClusterObjects): void;
  put(type: ResourceType, object: KubeObject): void;
  /** By `namespace/name`. */
  remove(type: ResourceType, key: string): void;
  close(): Promise<void>;
}

/** Serves at `serverUrl` in each of the namespaces; writes an administrator's kubeconfig to the path. */
export async function startClusterApi(options: {
  netns: readonly NetnsHandle[];
  kubeconfig: string;
}): Promise<ClusterApi> {
  const storage = new MemoryStorage();
  const ca = createCertificateAuthority('bench');
  const server = createApiServer({ storage, serviceCidrs, nodePortRange: nodePorts });
  const { certificate, key } = ca.serverCertificate(apiServerNames('cluster.local'));
  const fds = options.netns.map((netns) => listenTcp(netns, { ip: loopback, port }));
  if (fds.length > 0) await server.listen({ certificate, key, clientCa: ca.certificate, at: { fds } });
  const client = ca.clientCertificate('kubernetes-admin', ['system:masters']);
  const text = kubeconfig({ name: 'bench', server: serverUrl, ca: ca.certificate, client });
  writeFileSync(options.kubeconfig, text, { mode: 0o600 });

  const put = (type: ResourceType, object: KubeObject) => {
    const { namespace, name } = object.metadata;
    storage.put(collectionOf(type), namespace ? `${namespace}/${name}` : name, object);
  };
  const replace = (type: ResourceType, objects: readonly KubeObject[]) => {
    for (const { metadata } of storage.list(collectionOf(type), { namespace: 'default' }))
      storage.remove(collectionOf(type), `default/${metadata.name}`);
    for (const object of objects) put(type, object);
  };
  return {
    fill({ services, slices }) {
      put(resources.nodes, nodeObject());
      replace(resources.endpointSlices, slices);
      replace(resources.services, services);
    },
    put,
    remove: (type, key) => void storage.remove(collectionOf(type), key),
    close: () => server.stop(),
  };
}

function collectionOf(type: ResourceType): string {
  return `${type.group}/${type.plural}`;
}

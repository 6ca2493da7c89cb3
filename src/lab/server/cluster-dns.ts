/** Cluster DNS as the lab installs it: the kube-dns Service, and a DaemonSet so that each node has its own server. */

import { defaultCorefile } from '../../dns/default-corefile.ts';
import { isAlreadyExists, isInvalid } from '../../kube/client/api-error.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import type { NewObject } from '../../kube/meta.ts';
import { resources } from '../../kube/resources.ts';
import type { ConfigMap, DaemonSet, Secret, Service } from '../../kube/types.ts';
import { labLabel } from '../external/external-api-server.ts';
import { dnsAccount } from '../external/identities.ts';
import type { LabConfig } from '../topology/lab-config.ts';

const namespace = 'kube-system';
/** What kubeadm's cluster DNS is labelled with; tools look for it. */
const labels = { 'k8s-app': 'kube-dns' };
const kubeconfigDirectory = '/etc/tendril-dns';
const corefileDirectory = '/etc/coredns';
/** Name of CoreDNS's ConfigMap in a cluster that kubeadm made: users know where to edit it. */
const corefileKey = { name: 'coredns', namespace };

/** Creates the objects; those that are there already stay. `kubeconfig` is what the servers reach the API with. */
export async function installClusterDns(
  client: KubeClient,
  config: LabConfig,
  kubeconfig: string,
): Promise<void> {
  const create = async (run: () => Promise<unknown>) => {
    try {
      await run();
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  };
  const own = ownLabels(config);
  for (const object of dnsPermission) {
    const metadata = { ...object.metadata, labels: own };
    await create(() => client.request('POST', rbacPath(object.kind), { ...object, metadata }));
  }
  const secret: NewObject<Secret> = {
    metadata: { ...secretKey, labels: own },
    data: { kubeconfig: Buffer.from(kubeconfig).toString('base64') },
  };
  await create(() => client.create(resources.secrets, secret));
  // One that an earlier lab left names its certificates.
  await client.patch(resources.secrets, secretKey, {
    type: 'application/merge-patch+json',
    body: { data: secret.data },
  });
  await create(() => client.create(resources.configMaps, corefile(config)));
  await create(() => createDnsService(client, dnsService(config)));
  await create(() => client.create(resources.daemonSets, dnsDaemonSet(config)));
}

/** Kubernetes knows PreferSameNode from 1.34 on: before, pods ask any server. */
async function createDnsService(client: KubeClient, service: NewObject<Service>): Promise<unknown> {
  try {
    return await client.create(resources.services, service);
  } catch (error) {
    if (!isInvalid(error)) throw error;
    const { trafficDistribution, ...spec } = service.spec ?? {};
    return await client.create(resources.services, { ...service, spec });
  }
}

/** Somebody else's API server outlives the lab: what the lab made there can be told by this. */
function ownLabels({ external, name }: LabConfig): Record<string, string> {
  return external === undefined ? {} : { [labLabel]: name };
}

const rbac = 'rbac.authorization.k8s.io';
const rbacPath = (kind: string) => `/apis/${rbac}/v1/${kind.toLowerCase()}s`;

/** What cluster DNS reads, by the name in its certificate. */
const dnsPermission = [
  {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRole',
    metadata: { name: 'tendril-dns' },
    rules: [
      { apiGroups: [''], resources: ['services', 'namespaces', 'pods', 'nodes'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ],
  },
  {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'tendril-dns' },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'tendril-dns' },
    subjects: [{ kind: 'ServiceAccount', name: 'tendril-dns', namespace }],
  },
];

const secretKey = { name: 'tendril-dns', namespace };

/** Whoever edits it changes what the servers do: they take the file that the kubelet keeps up to date. */
function corefile(config: LabConfig): NewObject<ConfigMap> {
  return {
    metadata: { ...corefileKey, labels: ownLabels(config) },
    data: { Corefile: defaultCorefile({ zone: config.clusterDomain }) },
  };
}

export function dnsService(config: LabConfig): NewObject<Service> {
  return {
    metadata: {
      name: 'kube-dns',
      namespace,
      labels: { ...labels, 'kubernetes.io/name': 'CoreDNS', ...ownLabels(config) },
    },
    spec: {
      selector: labels,
      // Each pod asks its own node's server, and others while that is away.
      trafficDistribution: 'PreferSameNode',
      clusterIP: config.dnsIps[0]!,
      clusterIPs: config.dnsIps,
      ipFamilyPolicy: config.dnsIps.length > 1 ? 'RequireDualStack' : 'SingleStack',
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
        { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
        { name: 'metrics', port: 9153, protocol: 'TCP', targetPort: 9153 },
      ],
    },
  };
}

export function dnsDaemonSet(config: LabConfig): NewObject<DaemonSet> {
  return {
    metadata: { name: 'tendril-dns', namespace, labels: { ...labels, ...ownLabels(config) } },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          // Its own names come from the world's DNS, not from itself.
          dnsPolicy: 'Default',
          ...(config.external ? { serviceAccountName: dnsAccount } : { automountServiceAccountToken: false }),
          priorityClassName: 'system-node-critical',
          tolerations: [{ operator: 'Exists' }],
          containers: [
            {
              name: 'dns',
              image: 'tendril/dns',
              args: [
                '--kubeconfig',
                `${kubeconfigDirectory}/kubeconfig`,
                '--conf',
                `${corefileDirectory}/Corefile`,
              ],
              ports: [
                { name: 'dns', containerPort: 53, protocol: 'UDP' },
                { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
                { name: 'metrics', containerPort: 9153, protocol: 'TCP' },
              ],
              // One that is to end says no at once, and answers on for the Corefile's lameduck: by then every node
              // must have learned it. Until it has, flows that were its own stay its own. One that is only slow, on a busy
              // machine, stays ready: it is better than none.
              readinessProbe: {
                httpGet: { path: '/ready', port: 8181 },
                periodSeconds: 1,
                timeoutSeconds: 10,
                failureThreshold: 2,
              },
              volumeMounts: [
                { name: 'kubeconfig', mountPath: kubeconfigDirectory, readOnly: true },
                { name: 'config-volume', mountPath: corefileDirectory, readOnly: true },
              ],
            },
          ],
          volumes: [
            { name: 'kubeconfig', secret: { secretName: 'tendril-dns' } },
            {
              name: 'config-volume',
              configMap: { name: corefileKey.name, items: [{ key: 'Corefile', path: 'Corefile' }] },
            },
          ],
        },
      },
    },
  };
}

/** Who asks whom on a real cluster while everything changes: servers that are rolled, servers that stay, and who asks. */
import { kubectl, kubectlWith } from '../cluster/control-plane.ts';
import { trafficImage } from '../cluster/images.ts';
import { waitFor } from '../cluster/process.ts';

export const namespace = 'traffic';
const port = 8080;

/** Serves on while the nodes learn that it ends, as applications that are rolled without loss do. */
const server = {
  name: 'server',
  image: trafficImage,
  args: ['serve', String(port)],
  readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
  lifecycle: { preStop: { sleep: { seconds: 5 } } },
  // Pods that ask for nothing get next to nothing where a machine is busy.
  resources: { requests: { cpu: '100m' } },
};

const asker = {
  ...{ name: 'asker', image: trafficImage, args: ['serve', '1'] },
  resources: { requests: { cpu: '300m' } },
};

const template = (app: string, container: object) => ({
  selector: { matchLabels: { app } },
  template: {
    metadata: { labels: { app } },
    spec: { terminationGracePeriodSeconds: 10, containers: [container] },
  },
});

const workload = (kind: 'Deployment' | 'DaemonSet', name: string, spec: object) => ({
  ...{ apiVersion: 'apps/v1', kind, metadata: { name, namespace }, spec },
});

const service = (app: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: app, namespace },
  spec: {
    type: 'NodePort',
    ipFamilyPolicy: 'RequireDualStack',
    selector: { app },
    ports: [{ port: 80, targetPort: port }],
  },
});

const rollingUpdate = { maxSurge: 2, maxUnavailable: 0 };

const objects = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  workload('Deployment', 'rolled', {
    ...{ replicas: 4, strategy: { rollingUpdate } },
    ...template('rolled', server),
  }),
  workload('DaemonSet', 'steady', template('steady', server)),
  workload('DaemonSet', 'asker', template('asker', asker)),
  service('rolled'),
  service('steady'),
];

interface WirePod {
  metadata: { name: string; uid: string };
  spec: { nodeName: string };
  status: { podIPs: { ip: string }[] };
}

/** Addresses as the generator reads them. */
export interface Targets {
  /** ClusterIPs of both Services, and their NodePorts at each of the nodes. */
  services: string[];
  /** Of the servers that stay, by their Service and by themselves. */
  steady: string[];
}

const socketAddress = (ip: string, at: number): string =>
  ip.includes(':') ? `[${ip}]:${at}` : `${ip}:${at}`;

function podsOf(app: string): WirePod[] {
  return JSON.parse(kubectl('-n', namespace, 'get', 'pods', '-l', `app=${app}`, '-o', 'json')).items;
}

/** Names of the servers that are rolled. */
export const rolledPods = (): string[] => podsOf('rolled').map(({ metadata }) => metadata.name);

/** By node. */
export function askers(): Map<string, string> {
  return new Map(podsOf('asker').map(({ metadata, spec }) => [spec.nodeName, metadata.name]));
}

/** @param nodeIps of the nodes at whose NodePorts the Services are asked */
export async function deployTraffic(nodeIps: readonly string[]): Promise<Targets> {
  kubectlWith(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }), 'apply', '-f', '-');
  for (const each of ['deployment/rolled', 'daemonset/steady', 'daemonset/asker'])
    kubectl('-n', namespace, 'rollout', 'status', each, '--timeout=120s');
  await waitFor('the Services’ endpoints', 30, () =>
    [
      ['rolled', 4],
      ['steady', 2],
    ].every(([app, count]) => endpointCounts(app as string).every((found) => found === count)),
  );
  const [rolled, steady] = ['rolled', 'steady'].map(addressesOf);
  const nodePorts = nodeIps.flatMap((ip) =>
    [rolled!, steady!].map(({ nodePort }) => socketAddress(ip, nodePort)),
  );
  const clusterIps = (of: { clusterIps: string[] }) => of.clusterIps.map((ip) => socketAddress(ip, 80));
  const podIps = podsOf('steady').flatMap(({ status }) =>
    status.podIPs.map(({ ip }) => socketAddress(ip, port)),
  );
  return {
    services: [...clusterIps(rolled!), ...nodePorts, ...clusterIps(steady!)],
    steady: [...clusterIps(steady!), ...podIps],
  };
}

/** Of each family's slice, the ready ones. */
function endpointCounts(app: string): number[] {
  const label = `kubernetes.io/service-name=${app}`;
  const { items } = JSON.parse(kubectl('-n', namespace, 'get', 'endpointslices', '-l', label, '-o', 'json'));
  if (items.length < 2) return [0];
  return items.map(
    ({ endpoints }: { endpoints?: { conditions: { ready: boolean } }[] }) =>
      (endpoints ?? []).filter(({ conditions }) => conditions.ready).length,
  );
}

function addressesOf(name: string): { clusterIps: string[]; nodePort: number } {
  const { spec } = JSON.parse(kubectl('-n', namespace, 'get', 'service', name, '-o', 'json'));
  return { clusterIps: spec.clusterIPs, nodePort: spec.ports[0].nodePort };
}

export function removeTraffic(): void {
  kubectl('delete', 'namespace', namespace, '--ignore-not-found', '--wait=false');
}

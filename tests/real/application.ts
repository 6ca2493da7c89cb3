/** An application on a real cluster: a server on every worker, behind a Service of both families, and who asks it. */

import { kubectl, kubectlWith } from './cluster/control-plane.ts';
import { agnhostImage } from './cluster/images.ts';
import type { NodeLayout } from './cluster/layout.ts';
import { onNode } from './cluster/node.ts';
import { waitFor } from './cluster/process.ts';

export const application = 'web';
const port = 8080;

/** Servers with everything of netexec's: they also ask others, by HTTP. */
const objects = [
  {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: application },
    spec: {
      selector: { matchLabels: { app: application } },
      template: {
        metadata: { labels: { app: application } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'server',
              image: agnhostImage,
              args: ['netexec', `--http-port=${port}`],
              // Without a request it gets nothing of a machine that is busy, and its probes fail.
              resources: { requests: { cpu: '250m' } },
              readinessProbe: { httpGet: { port, path: '/' }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: application },
    spec: {
      type: 'NodePort',
      ipFamilyPolicy: 'RequireDualStack',
      selector: { app: application },
      ports: [{ port: 80, targetPort: port }],
    },
  },
];

export interface Server {
  name: string;
  node: string;
  ips: string[];
}

export interface Application {
  servers: Server[];
  clusterIps: string[];
  nodePort: number;
}

interface WirePod {
  metadata: { name: string };
  spec: { nodeName: string };
  status: { podIPs: { ip: string }[] };
}

export async function deployApplication(): Promise<Application> {
  kubectlWith(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }), 'apply', '-f', '-');
  kubectl('rollout', 'status', `daemonset/${application}`, '--timeout=90s');
  const { spec } = JSON.parse(kubectl('get', 'service', application, '-o', 'json'));
  const { items } = JSON.parse(kubectl('get', 'pods', '-l', `app=${application}`, '-o', 'json')) as {
    items: WirePod[];
  };
  await waitFor('the Service’s endpoints', 30, () => {
    const slices = JSON.parse(
      kubectl('get', 'endpointslices', '-l', `kubernetes.io/service-name=${application}`, '-o', 'json'),
    );
    const counts = slices.items.map(({ endpoints }: { endpoints?: unknown[] }) => endpoints?.length ?? 0);
    return counts.length === 2 && counts.every((count: number) => count === items.length);
  });
  return {
    servers: items.map(({ metadata, spec: { nodeName }, status }) => ({
      ...{ name: metadata.name, node: nodeName },
      ips: status.podIPs.map(({ ip }) => ip),
    })),
    clusterIps: spec.clusterIPs,
    nodePort: spec.ports[0].nodePort,
  };
}

export function removeApplication(): void {
  kubectl('delete', `daemonset/${application}`, `service/${application}`, '--ignore-not-found');
}

export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** What an URL answers to a process of the node. @throws Error after 5 s */
export function fromNode(node: NodeLayout, url: string): string {
  return onNode(node, 'curl', '-gsS', '--noproxy', '*', '-m', '5', url);
}

/** Asks a server's pod to ask another for its name; by a name of the cluster's or an address. The node asks the pod to. */
export function fromPod(node: NodeLayout, server: Server, host: string, to: number): string[] {
  const query = new URLSearchParams({
    host,
    port: String(to),
    request: 'hostname',
    protocol: 'http',
    tries: '1',
  });
  const text = fromNode(node, `http://${server.ips[0]}:${port}/dial?${query}`);
  const { responses = [], errors = [] } = JSON.parse(text) as { responses?: string[]; errors?: string[] };
  if (errors.length > 0) throw new Error(`${server.name} → ${host}: ${errors.join(', ')}`);
  return responses;
}

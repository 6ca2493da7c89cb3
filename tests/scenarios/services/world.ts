/** The cluster of the table: who has which address, and the objects that a case is made of. */
import type { EndpointSlice, Service } from '../../../src/kube/types.ts';
import { type ParsedEndpoint, parseEndpoints, type SemanticCase } from './case.ts';

export type Family = 4 | 6;
export type Ips = Readonly<Record<Family, string>>;
export const families = [4, 6] as const;
export const protocols = ['TCP', 'UDP'] as const;
export type TableProtocol = (typeof protocols)[number];

/** Names of the table's nodes, and their zones. */
export const nodes = { 'node-a': 'z1', 'node-b': 'z2', 'node-c': 'z1' } as const;
export type NodeName = keyof typeof nodes;
export const nodeNames = Object.keys(nodes) as NodeName[];

/** On which node a backend or a client pod runs. */
export const podNodes: Readonly<Record<string, NodeName>> = {
  a1: 'node-a',
  a2: 'node-a',
  b1: 'node-b',
  c1: 'node-c',
  'pod-a': 'node-a',
  'pod-b': 'node-b',
  'pod-c': 'node-c',
};
export const backendNames = ['a1', 'a2', 'b1', 'c1'] as const;

export interface World {
  /** What the cluster calls them. */
  realNodes: Readonly<Record<NodeName, string>>;
  nodes: Readonly<Record<NodeName, Ips>>;
  pods: Readonly<Record<string, Ips>>;
  outside: Ips;
}

export const backendPorts = { TCP: 8080, UDP: 5000 } as const;
const servicePort = 80;

/** The node that a client is on; undefined outside. */
export function homeOf(client: string): NodeName | undefined {
  if (client === 'outside') return undefined;
  return podNodes[client] ?? (client.replace('host-', 'node-') as NodeName);
}

export function addressOf(world: World, client: string): Ips {
  if (client === 'outside') return world.outside;
  return world.pods[client] ?? world.nodes[homeOf(client)!];
}

/** Blocks whose addresses the outside reaches by a node. They need not belong to anybody. */
export const routedBlocks: Readonly<Record<string, Ips>> = {
  'external-a': { 4: '198.18.1.0/24', 6: 'fd00:18:1::/64' },
  'external-b': { 4: '198.18.2.0/24', 6: 'fd00:18:2::/64' },
  'balancer-a': { 4: '198.18.3.0/24', 6: 'fd00:18:3::/64' },
  'balancer-b': { 4: '198.18.4.0/24', 6: 'fd00:18:4::/64' },
};

function routedIp(frontend: string, family: Family, index: number): string {
  const [block] = routedBlocks[frontend]![family].split('/');
  return family === 4 ? block!.replace(/0$/, String(index + 1)) : `${block}${(index + 1).toString(16)}`;
}

const clusterIp = (family: Family, index: number) =>
  family === 4 ? `10.96.77.${index + 1}` : `fd00:10:96::77${(index + 1).toString(16).padStart(2, '0')}`;

/** Of the Service CIDRs, and no Service's. */
const nobodysIp: Ips = { 4: '10.96.78.1', 6: 'fd00:10:96::7801' };
export const serviceCidrs: Ips = { 4: '10.96.0.0/16', 6: 'fd00:10:96::/112' };

export interface Target {
  ip: string;
  port: number;
  /** The node that an outsider's packet comes to. */
  entry: NodeName | undefined;
}

/** Undefined where the Service has no such address. */
export function targetOf(
  { service }: SemanticCase,
  {
    world,
    index,
    frontend,
    family,
    client,
  }: { world: World; index: number; frontend: string; family: Family; client: string },
): Target | undefined {
  const nodePort = 31_000 + index;
  if (frontend === 'cluster') {
    const served = (service.families ?? families).includes(family);
    return served ? { ip: clusterIp(family, index), port: servicePort, entry: undefined } : undefined;
  }
  if (frontend === 'other-port')
    return { ip: clusterIp(family, index), port: servicePort + 1, entry: undefined };
  if (frontend === 'nobody') return { ip: nobodysIp[family], port: servicePort, entry: undefined };
  if (frontend === 'localhost')
    return { ip: family === 4 ? '127.0.0.1' : '::1', port: nodePort, entry: homeOf(client) };
  const node = frontend as NodeName;
  if (node in nodes) return { ip: world.nodes[node][family], port: nodePort, entry: node };
  const entry = `node-${frontend.at(-1)}` as NodeName;
  return { ip: routedIp(frontend, family, index), port: servicePort, entry };
}

export interface CaseObjects {
  service: Service;
  slices: EndpointSlice[];
}

export function nameOf(index: number): string {
  return `case-${index + 1}`;
}

export function objectsOf(semantic: SemanticCase, index: number, world: World): CaseObjects {
  const meta = (name: string, labels: Record<string, string>) => ({
    ...{ name, namespace: 'default', labels, uid: name, resourceVersion: '1', creationTimestamp: '' },
  });
  const labels = semantic.service.label === undefined ? {} : { [semantic.service.label]: 'other' };
  const service = {
    metadata: { ...meta(nameOf(index), labels), annotations: annotationsOf(semantic) },
    spec: specOf(semantic, index, world),
    status: { loadBalancer: { ingress: ingressOf(semantic, index) } },
  } as Service;
  const endpoints = parseEndpoints(semantic.endpoints);
  const slices = (semantic.service.families ?? families).map(
    (family) =>
      ({
        metadata: meta(`${nameOf(index)}-${family}`, {
          'kubernetes.io/service-name': nameOf(index),
          ...labels,
        }),
        addressType: `IPv${family}`,
        ports: protocols.map((protocol) => ({
          name: protocol.toLowerCase(),
          protocol,
          port: backendPorts[protocol],
        })),
        endpoints: endpoints.map((endpoint) => sliceEndpoint(endpoint, family, world)),
      }) as EndpointSlice,
  );
  return { service, slices };
}

function annotationsOf({ service: { direct, balancing } }: SemanticCase): Record<string, string> {
  return {
    ...(direct && { 'tendril.dev/service-forwarding': 'dsr' }),
    ...(balancing && { 'tendril.dev/service-balancing': balancing }),
  };
}

function specOf({ service }: SemanticCase, index: number, world: World): object {
  const { type = 'ClusterIP', internal, external, sticky, externalIps, allow, withoutNodePorts } = service;
  const own = service.families ?? families;
  const isOpen = type !== 'ClusterIP';
  const hasNodePort = isOpen && !withoutNodePorts;
  const all = (...names: string[]) =>
    names.flatMap((name) => families.map((family) => routedIp(name, family, index)));
  return {
    type,
    clusterIP: clusterIp(own[0]!, index),
    clusterIPs: own.map((family) => clusterIp(family, index)),
    ipFamilies: own.map((family) => `IPv${family}`),
    ipFamilyPolicy: own.length === 2 ? 'RequireDualStack' : 'SingleStack',
    internalTrafficPolicy: internal ?? 'Cluster',
    ...((isOpen || externalIps) && { externalTrafficPolicy: external ?? 'Cluster' }),
    ...(sticky && {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } },
    }),
    ...(externalIps && { externalIPs: all('external-a', 'external-b') }),
    ...(withoutNodePorts && { allocateLoadBalancerNodePorts: false }),
    ...(allow && {
      loadBalancerSourceRanges: allow.flatMap((client) => {
        const ips = addressOf(world, client);
        return [`${ips[4]}/32`, `${ips[6]}/128`];
      }),
    }),
    ports: protocols.map((protocol) => ({
      ...{ name: protocol.toLowerCase(), protocol, port: servicePort, targetPort: backendPorts[protocol] },
      ...(hasNodePort && { nodePort: 31_000 + index }),
    })),
  };
}

function ingressOf({ service: { balancer } }: SemanticCase, index: number): object[] {
  if (balancer === undefined) return [];
  return ['balancer-a', 'balancer-b'].flatMap((frontend) =>
    families.map((family) => ({ ip: routedIp(frontend, family, index), ipMode: balancer })),
  );
}

function sliceEndpoint(endpoint: ParsedEndpoint, family: Family, world: World): object {
  const { backend, ready, serving, terminating, zones, nodes: hinted } = endpoint;
  const real = (node: string) => world.realNodes[node as NodeName];
  return {
    addresses: [world.pods[backend]![family]],
    nodeName: real(podNodes[backend]!),
    zone: nodes[podNodes[backend]!],
    conditions: { ready, serving, terminating },
    ...((zones.length > 0 || hinted.length > 0) && {
      hints: {
        ...(zones.length > 0 && { forZones: zones.map((name) => ({ name })) }),
        ...(hinted.length > 0 && { forNodes: hinted.map((name) => ({ name: real(name) })) }),
      },
    }),
  };
}

/** Services and EndpointSlices in any number, as an API server would hold them: the same for every contender. */
import type { EndpointSlice, Node, Service } from '../../src/kube/types.ts';

export type Family = 4 | 6;

export interface Shape {
  services: number;
  /** Of each Service and family. One: the server that answers. More: addresses that nobody has. */
  endpoints: number;
  families: readonly Family[];
  /** The Services that are measured have a UDP port too; all others are load enough by their TCP port. */
  udp?: boolean;
  nodePorts?: boolean;
}

export interface ClusterObjects {
  services: Service[];
  slices: EndpointSlice[];
}

export const nodeName = 'bench-node';
export const serverIps = { 4: '10.244.1.4', 6: 'fd00:244:1::4' } as const;
export const nodeIps = { 4: '10.9.0.1', 6: 'fd09::1' } as const;
export const serverPort = 8080;
/**
 * How many ports the server listens on, each for a part of the Services: were all Services one endpoint, connections to
 * two of them from one client port could not both be translated, and kube-proxy's would look for other ports.
 */
export const serverPorts = 8;
export const servicePort = 80;
/** Lies where neither sockets nor translations have their ports, and has room for 10,000. */
export const firstNodePort = 20_000;
export const serviceCidrs = ['10.100.0.0/14', 'fd00:96::/108'];

/** The n-th Service's address; the first 256 are left to others. */
export function clusterIp(family: Family, n: number): string {
  const at = n + 256;
  return family === 4
    ? `10.${100 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`
    : `fd00:96::${(at >> 16).toString(16)}:${(at & 0xffff).toString(16)}`;
}

export function objectsOf(shape: Shape): ClusterObjects {
  const numbers = Array.from({ length: shape.services }, (_, n) => n);
  const withUdp = new Set(shape.udp ? spread(shape.services) : []);
  const protocolsOf = (n: number) => (withUdp.has(n) ? ['TCP', 'UDP'] : ['TCP']);
  return {
    services: numbers.map((n) => service(n, shape, protocolsOf(n))),
    slices: numbers.flatMap((n) =>
      shape.families.map((family) => slice({ n, family }, shape, protocolsOf(n))),
    ),
  };
}

/** Services all over the list: where a rule lies in it is luck. */
export function spread(services: number): number[] {
  return Array.from({ length: serverPorts }, (_, n) => Math.floor(((n + 0.5) * services) / serverPorts));
}

/** A slice with one of its endpoints replaced by an address that no other has. */
export function withOneChanged(slice: EndpointSlice, serial: number): EndpointSlice {
  const [first, ...rest] = slice.endpoints ?? [];
  const address = changedAddress(serial);
  const resourceVersion = String(++revision);
  return {
    ...slice,
    metadata: { ...slice.metadata, resourceVersion },
    endpoints: [{ ...first!, addresses: [address] }, ...rest],
  } as EndpointSlice;
}

export function changedAddress(serial: number): string {
  return `10.0.${serial >> 8}.${serial & 255}`;
}

export function nodeObject(): Node {
  return {
    ...{ apiVersion: 'v1', kind: 'Node' },
    metadata: { ...metadata(nodeName), namespace: undefined, labels: { 'kubernetes.io/hostname': nodeName } },
    spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24', 'fd00:244:1::/64'] },
    status: {
      addresses: [...Object.values(nodeIps).map((address) => ({ type: 'InternalIP', address }))],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  } as unknown as Node;
}

let revision = 0;

function metadata(name: string, labels: Record<string, string> = {}) {
  const resourceVersion = String(++revision);
  const uid = `00000000-0000-4000-8000-${revision.toString(16).padStart(12, '0')}`;
  return {
    name,
    namespace: 'default',
    uid,
    resourceVersion,
    labels,
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
}

function service(n: number, { families, nodePorts }: Shape, protocols: readonly string[]): Service {
  const clusterIPs = families.map((family) => clusterIp(family, n));
  return {
    ...{ apiVersion: 'v1', kind: 'Service' },
    metadata: metadata(`s${n}`),
    spec: {
      type: nodePorts ? 'NodePort' : 'ClusterIP',
      ...{ clusterIP: clusterIPs[0], clusterIPs, selector: { app: `s${n}` } },
      ipFamilies: families.map((family) => `IPv${family}`),
      ipFamilyPolicy: families.length === 2 ? 'RequireDualStack' : 'SingleStack',
      ports: protocols.map((protocol) => ({
        ...{ name: protocol.toLowerCase(), protocol, port: servicePort, targetPort: serverPort },
        ...(nodePorts && { nodePort: firstNodePort + n }),
      })),
      ...{ sessionAffinity: 'None', internalTrafficPolicy: 'Cluster' },
      ...(nodePorts && { externalTrafficPolicy: 'Cluster' }),
    },
    status: { loadBalancer: {} },
  } as Service;
}

function slice(
  { n, family }: { n: number; family: Family },
  { services, endpoints }: Shape,
  protocols: readonly string[],
): EndpointSlice {
  const addresses =
    endpoints === 1
      ? [serverIps[family]]
      : Array.from({ length: endpoints }, (_, index) => podAddress(family, n * endpoints + index));
  const port = serverPort + Math.floor((n * serverPorts) / services);
  return {
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
    metadata: metadata(`s${n}-${family}`, { 'kubernetes.io/service-name': `s${n}` }),
    addressType: `IPv${family}`,
    ports: protocols.map((protocol) => ({ name: protocol.toLowerCase(), protocol, port })),
    endpoints: addresses.map((address, index) => ({
      addresses: [address],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: endpoints === 1 ? nodeName : `node-${index % 100}`,
      targetRef: { kind: 'Pod', namespace: 'default', name: `s${n}-${index}`, uid: `${n}-${index}` },
    })),
  } as EndpointSlice;
}

function podAddress(family: Family, n: number): string {
  return family === 4
    ? `10.${20 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`
    : `fd00:20::${(n >> 16).toString(16)}:${(n & 0xffff).toString(16)}`;
}

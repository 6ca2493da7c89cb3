/** What a cluster has before anybody asks for anything. */

import { nthIp, parseCidr } from '../../net/cidr.ts';
import { formatIp, tryParseIp } from '../../net/ip.ts';
import type { JsonObject } from './json.ts';
import { findKind } from './registry/registry.ts';
import { createObject } from './rest/create.ts';
import type { RestContext } from './rest/rest-context.ts';

const namespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

function create(context: RestContext, object: JsonObject): void {
  const resource = findKind(object.apiVersion, object.kind)!;
  createObject(context, { resource, namespace: object.metadata.namespace }, object);
}

function serviceManifest(clusterIp: string, port: number): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      clusterIP: clusterIp,
      ipFamilyPolicy: 'SingleStack',
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: port }],
    },
  };
}

function endpointsManifest(ips: string[], port: number): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' },
    },
    subsets: [{ addresses: ips.map((ip) => ({ ip })), ports: [{ name: 'https', port, protocol: 'TCP' }] }],
  };
}

function sliceManifest(addressType: string, ips: string[], port: number): JsonObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': 'kubernetes' },
    },
    addressType,
    endpoints: ips.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
}

/** The namespaces and the `kubernetes` Service: the first address of the primary Service CIDR, one family. */
export function bootstrap(
  context: RestContext,
  { serviceCidrs, advertise }: { serviceCidrs: string[]; advertise?: { ips: string[]; port: number } },
): void {
  for (const name of namespaces) create(context, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const cidr = parseCidr(serviceCidrs[0]!);
  const port = advertise?.port ?? 6443;
  create(context, serviceManifest(formatIp(nthIp(cidr, 1)), port));
  const ips = (advertise?.ips ?? []).filter((ip) => tryParseIp(ip)?.family === cidr.ip.family);
  if (ips.length === 0) return;
  create(context, endpointsManifest(ips, port));
  create(context, sliceManifest(cidr.ip.family === 4 ? 'IPv4' : 'IPv6', ips, port));
}

/** What the plugin knows about a query for `metadata`: the parts of its name, and the pod that asks. */
import { canonicalIp } from '../../../net/ip.ts';
import type { Query } from '../../plugin.ts';
import { relativeTo, type ZoneLookup } from './zone-lookup.ts';

/** Puts `kubernetes/…` into the query's metadata. */
export function collectMetadata(lookup: ZoneLookup, query: Query): void {
  const { metadata } = query;
  if (metadata === undefined) return;
  collectClient(lookup, query.client.address, metadata);
  const zone = lookup.zoneOf(query.name);
  if (zone === undefined) return;
  const parts = lookup.parts(relativeTo(query.name, zone), zone);
  if (parts === undefined) {
    metadata.set('kubernetes/parse-error', 'invalid query name');
    return;
  }
  const told = {
    'port-name': parts.port,
    protocol: parts.protocol,
    endpoint: parts.endpoint,
    ...(lookup.options.zonal && { zone: parts.zone }),
    ...(lookup.isMulticluster(zone) && { cluster: parts.cluster }),
    service: parts.service,
    namespace: parts.namespace,
    kind: parts.namespace === undefined ? '' : parts.kind,
  };
  for (const [label, value = ''] of Object.entries(told)) metadata.set(`kubernetes/${label}`, value);
}

function collectClient(lookup: ZoneLookup, address: string, metadata: Map<string, string>): void {
  const pod = clientPod(lookup, address);
  if (pod === undefined) return;
  metadata.set('kubernetes/client-namespace', pod.metadata.namespace ?? '');
  metadata.set('kubernetes/client-pod-name', pod.metadata.name);
  for (const [label, value] of Object.entries(pod.metadata.labels ?? {}))
    metadata.set(`kubernetes/client-label/${label}`, value);
}

/** The pod that has the address; none unless `pods verified`. */
export function clientPod({ index }: ZoneLookup, address: string) {
  return index.podsAt(canonicalIp(address) ?? address)[0];
}

/** autopath's search path of the pod that asks for a name in one of the zones; its last element is ''. */
export function podSearchPath(
  lookup: ZoneLookup,
  query: Query,
  hostSearch: readonly string[],
): string[] | undefined {
  const zone = lookup.zoneOf(query.name);
  const pod = zone === undefined ? undefined : clientPod(lookup, query.client.address);
  if (zone === undefined || pod === undefined) return undefined;
  const services = zone === '' ? 'svc' : `svc.${zone}`;
  return [`${pod.metadata.namespace}.${services}`, services, zone, ...hostSearch, ''];
}

/** What a name of the cluster stands for: addresses and aliases with their ports, before they become records. */
import { type Ip, tryParseIp } from '../../../net/ip.ts';
import type { ServiceSource } from './cluster-index.ts';
import {
  type ClusterService,
  type Endpoint,
  type EndpointSet,
  type NamedPort,
  noPort,
} from './cluster-service.ts';
import type { NameParts } from './name-parts.ts';

export interface Backend {
  /** One of the two. */
  ip?: Ip;
  /** A canonical domain name. */
  alias?: string;
  port: number;
  /** Name of the address, relative to the zone: where SRV records point. */
  target: string;
}

export interface FindOptions {
  ignoreEmpty: boolean;
  multicluster: boolean;
}

/** Undefined: no such name. Empty: it exists, and has no records. */
export type Found = readonly Backend[] | undefined;

/** What stands behind a name below `svc` with a Service in it. */
export function findBackends(parts: NameParts, source: ServiceSource, options: FindOptions): Found {
  const key = `${parts.namespace}/${parts.service}`;
  const service = source.service(key);
  if (service === undefined) return undefined;
  const sets = () => source.endpoints(key);
  if (options.ignoreEmpty && service.kind === 'ip' && sets().every(({ endpoints }) => endpoints.length === 0))
    return undefined;
  if (parts.zone !== undefined && service.kind !== 'headless') return undefined;
  if (service.kind === 'alias') return aliasBackends(parts, service);
  if (service.kind === 'ip' && parts.endpoint === undefined) return ownBackends(parts, service);
  const found = endpointBackends(parts, service, { sets: sets(), multicluster: options.multicluster });
  if (found.length > 0) return found;
  return parts.zone === undefined && !isProtocolLabel(parts, service.ports, sets()) ? undefined : [];
}

function aliasBackends({ endpoint, port, protocol }: NameParts, service: ClusterService): Found {
  if (endpoint || port || protocol || tryParseIp(service.externalName)) return undefined;
  const target = `${service.name}.${service.namespace}.svc`;
  return backendsAt(service.externalName, [{ name: '', protocol: '', port: noPort }], target);
}

function ownBackends(parts: NameParts, service: ClusterService): Found {
  const ports = service.ports.filter((port) => matchesPort(port, parts));
  if (ports.length === 0) return undefined;
  const target = `${service.name}.${service.namespace}.svc`;
  return ports.flatMap((port) => service.ips.flatMap((ip) => backendsAt(ip, [port], target)));
}

function endpointBackends(
  parts: NameParts,
  service: ClusterService,
  { sets, multicluster }: { sets: readonly EndpointSet[]; multicluster: boolean },
): Backend[] {
  const below = `${service.name}.${service.namespace}.svc`;
  const matches = ({ host }: Endpoint, cluster: string) =>
    parts.endpoint === undefined ||
    (host === parts.endpoint && (!multicluster || cluster === (parts.cluster ?? '')));
  const inZone = (zone: string | undefined) =>
    sets.flatMap(({ endpoints, ports, cluster = '' }) => {
      const wanted = ports.filter((port) => matchesPort(port, parts));
      const named = multicluster && cluster !== '' ? `${cluster}.${below}` : below;
      return endpoints
        .filter((endpoint) => (zone === undefined || endpoint.zone === zone) && matches(endpoint, cluster))
        .flatMap(({ address, host }) => backendsAt(address, wanted, `${host}.${named}`));
    });
  const found = inZone(parts.zone);
  return found.length === 0 && parts.prefer ? inZone(undefined) : found;
}

/** All endpoints of a Service under their own names, whatever their ports; none of one that does not exist. */
export function endpointsOf(key: string, source: ServiceSource, options: FindOptions): readonly Backend[] {
  const service = source.service(key);
  if (service === undefined || service.kind === 'alias') return [];
  const sets = source.endpoints(key);
  return endpointBackends({}, service, { sets, multicluster: options.multicluster });
}

/** `_tcp` and the like, where names of ports stand below them. */
export function protocolLabels(key: string, source: ServiceSource): string[] {
  const service = source.service(key);
  if (service === undefined || service.kind === 'alias') return [];
  const ports = [service.ports, ...source.endpoints(key).map((set) => set.ports)].flat();
  return [...new Set(ports.filter(({ name }) => name !== '').map(({ protocol }) => `_${protocol}`))];
}

/** One for each port. Text that is no address is an alias; none at all nothing. */
function backendsAt(text: string, ports: readonly NamedPort[], target: string): Backend[] {
  const ip = tryParseIp(text);
  if (ip === undefined && text === '') return [];
  const at = ip ? { ip } : { alias: text.toLowerCase().replace(/\.$/, '') };
  return ports.map(({ port }) => ({ ...at, port, target }));
}

export function matchesPort(
  { name, protocol }: NamedPort,
  wanted: { port?: string; protocol?: string },
): boolean {
  return (!wanted.port || wanted.port === name) && (!wanted.protocol || wanted.protocol === protocol);
}

/**
 * `_tcp.service…` with a named port of the protocol has names below it, so it exists (RFC 8020): CoreDNS denies it,
 * and with it, to resolvers that ask label by label, the SRV records.
 */
function isProtocolLabel(
  { endpoint }: NameParts,
  own: readonly NamedPort[],
  sets: readonly EndpointSet[],
): boolean {
  return [own, ...sets.filter(({ endpoints }) => endpoints.length > 0).map(({ ports }) => ports)].some(
    (ports) => ports.some(({ name, protocol }) => name !== '' && `_${protocol}` === endpoint),
  );
}

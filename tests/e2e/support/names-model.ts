/**
 * What names of a cluster give, by the Kubernetes DNS specification 1.1.0 and nothing of ours: from a state of the cluster to the answers
 * of each name and type, and to what a resolver with a pod's search path finds.
 */
export type NamedService =
  | { kind: 'ip'; ips: string[]; ports: { name: string; port: number }[] }
  | { kind: 'headless'; ports: { name: string; port: number }[] }
  /** `target`: a name of the zone. */
  | { kind: 'alias'; target: string };

export interface NamedEndpoint {
  address: string;
  hostname?: string | undefined;
  ready: boolean;
}

export interface NamedCluster {
  /** By `namespace/name`. */
  services: Record<string, NamedService>;
  /** Of headless Services, by the same, of each family. */
  endpoints: Record<string, { 4?: NamedEndpoint[]; 6?: NamedEndpoint[] }>;
}

export const zone = 'cluster.local';
export type AddressType = 'A' | 'AAAA';
export const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);
const familyOfType = { A: 4, AAAA: 6 } as const;

/** Addresses of a whole name, sorted: through aliases, as resolvers follow them. */
export function addressesOf(cluster: NamedCluster, name: string, type: AddressType): string[] {
  return [
    ...new Set(allAddresses(cluster, name).filter((one) => familyOf(one) === familyOfType[type])),
  ].sort();
}

function allAddresses(cluster: NamedCluster, name: string, depth = 0): string[] {
  const relative = name.endsWith(`.svc.${zone}`) ? name.slice(0, -`.svc.${zone}`.length).split('.') : [];
  const [namespace, serviceName, host] = relative.reverse();
  const key = `${namespace}/${serviceName}`;
  const service = cluster.services[key];
  if (service === undefined || relative.length > 3 || depth > 8) return [];
  if (host === undefined && service.kind === 'ip') return service.ips;
  if (host === undefined && service.kind === 'alias') return allAddresses(cluster, service.target, depth + 1);
  if (service.kind !== 'headless') return [];
  // 2.4.1, 2.4.2: ready endpoints, and each under its hostname.
  return readyOf(cluster, key)
    .filter(({ hostname }) => host === undefined || hostname === host)
    .map(({ address }) => address);
}

function readyOf({ endpoints }: NamedCluster, key: string): NamedEndpoint[] {
  const of = endpoints[key] ?? {};
  return [...(of[4] ?? []), ...(of[6] ?? [])].filter(({ ready }) => ready);
}

/** 2.3.2, 2.4.2: `port target` of each, sorted; of a headless Service's endpoints only those that have a hostname. */
export function servicePorts(cluster: NamedCluster, key: string, portName: string): string[] {
  const service = cluster.services[key];
  if (service === undefined || service.kind === 'alias') return [];
  const port = service.ports.find(({ name }) => name === portName)?.port;
  if (port === undefined) return [];
  const [namespace, name] = key.split('/');
  const at = `${name}.${namespace}.svc.${zone}.`;
  if (service.kind === 'ip') return [`${port} ${at}`];
  const hosts = readyOf(cluster, key).flatMap(({ hostname }) => hostname ?? []);
  return [...new Set(hosts)].map((host) => `${port} ${host}.${at}`).sort();
}

/** What a pod's resolver asks for, in turn (ndots:5): the first that has addresses is what the name gives. */
export function searched(name: string, namespace: string): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const search = [`${namespace}.svc.${zone}`, `svc.${zone}`, zone];
  return [...search.map((domain) => `${name}.${domain}`), name];
}

export function resolved(cluster: NamedCluster, name: string, namespace: string): string[] {
  for (const full of searched(name, namespace)) {
    const found = [...addressesOf(cluster, full, 'A'), ...addressesOf(cluster, full, 'AAAA')];
    if (found.length > 0) return found.sort();
  }
  return [];
}

/** A zone's records as CoreDNS transfers them: Service by Service, each with its addresses, ports and endpoints. */
import { tryParseIp } from '../../../net/ip.ts';
import { TimeSlice } from '../../../util/time-slice.ts';
import { recordTypes } from '../../message/constants.ts';
import type { ResourceRecord } from '../../message/message.ts';
import type { ServiceSource } from './cluster-index.ts';
import { type ClusterService, type EndpointSet, type NamedPort, noPort } from './cluster-service.ts';
import { addressRecord, aliasRecord, inZone, record, srvWeight } from './records.ts';
import type { ZoneLookup } from './zone-lookup.ts';

/**
 * Of all Services, or of a multicluster zone's imports, by name. What changes while the list is made may be in it as it was or as it is
 * now: where the zone's serial number, taken before, is then another, secondaries come again.
 */
export async function serviceRecords(lookup: ZoneLookup, zone: string): Promise<ResourceRecord[]> {
  const { index, options } = lookup;
  const multicluster = lookup.isMulticluster(zone);
  const source = multicluster ? index.imported : index.local;
  const keys = multicluster ? index.importKeys() : index.serviceKeys();
  const named = keys
    .map((key) => ({ key, name: key.slice(key.indexOf('/') + 1) }))
    .sort((a, b) => compare(a.name, b.name) || compare(a.key, b.key));
  const records: ResourceRecord[] = [];
  const slice = new TimeSlice();
  for (const { key } of named) {
    if (lookup.exposes(key.slice(0, key.indexOf('/'))))
      records.push(...recordsOfService(source, key, { zone, ttl: options.ttl }));
    await slice.breathe();
  }
  return records;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

interface Place {
  zone: string;
  ttl: number;
}

function recordsOfService(source: ServiceSource, key: string, { zone, ttl }: Place): ResourceRecord[] {
  const service = source.service(key);
  if (service === undefined) return [];
  const name = inZone(`${service.name}.${service.namespace}.svc`, zone);
  if (service.kind === 'alias') return [aliasRecord(name, ttl, service.externalName)];
  if (service.kind === 'ip') return ipRecords(service, name, ttl);
  return source.endpoints(key).flatMap((set) => endpointRecords(set, name, ttl));
}

function ipRecords({ ips, ports }: ClusterService, name: string, ttl: number): ResourceRecord[] {
  const open = ports.filter(({ port }) => port !== noPort);
  return [
    ...addressesAt(name, ips, ttl),
    ...open.flatMap((port) => [
      srv(name, { port, target: name, weight: 100, ttl }),
      ...portRecords([port], { name, target: name, weight: 100, ttl }),
    ]),
  ];
}

function endpointRecords({ endpoints, ports }: EndpointSet, name: string, ttl: number): ResourceRecord[] {
  const weight = srvWeight(endpoints.length);
  return endpoints.flatMap(({ address, host }) => {
    const target = `${host}.${name}`;
    return [
      ...addressesAt(name, [address], ttl),
      ...addressesAt(target, [address], ttl),
      ...portRecords(ports, { name, target, weight, ttl }),
    ];
  });
}

function addressesAt(name: string, texts: readonly string[], ttl: number): ResourceRecord[] {
  return texts.flatMap((text) => {
    const ip = tryParseIp(text);
    return ip === undefined ? [] : [addressRecord(name, ttl, ip)];
  });
}

interface Target {
  name: string;
  target: string;
  weight: number;
  ttl: number;
}

/** Ports without a name have no SRV record of their own (DNS specification, 2.3.2). */
function portRecords(ports: readonly NamedPort[], { name, ...at }: Target): ResourceRecord[] {
  return ports
    .filter((port) => port.name !== '' && port.port !== noPort)
    .map((port) => srv(`_${port.name}._${port.protocol}.${name}`, { ...at, port }));
}

function srv(
  name: string,
  { port: { port }, target, weight, ttl }: Omit<Target, 'name'> & { port: NamedPort },
): ResourceRecord {
  return record(name, ttl, { type: recordTypes.SRV, priority: 0, weight, port, target });
}

/** All records of a zone as a list, from the same names that queries are answered from. */
import { recordTypes } from '../../message/constants.ts';
import type { ResourceRecord } from '../../message/message.ts';
import { findBackends } from './backends.ts';
import { aliasRecord, inZone } from './records.ts';
import { type NameRecords, relativeTo, type ZoneLookup } from './zone-lookup.ts';
import { ZoneNames } from './zone-names.ts';

/** By name, Services and their ports included; with `namespace`, those of its Services alone. */
export function listRecords(
  lookup: ZoneLookup,
  zone: string,
  { namespace }: { namespace?: string } = {},
): ResourceRecord[] {
  const names = new ZoneNames(lookup, zone);
  const all = [
    ...names.names(),
    ...lookup.index.serviceKeys().flatMap((key) => portNames(lookup, zone, key)),
  ];
  names.close();
  return all
    .filter(({ name }) => namespace === undefined || namespaceOf(relativeTo(name, zone)) === namespace)
    .flatMap((records) => recordsAt(records, lookup.options.ttl))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.data.type - b.data.type));
}

function namespaceOf(relative: string): string | undefined {
  return relative.split('.').at(-2);
}

function portNames(lookup: ZoneLookup, zone: string, key: string): NameRecords[] {
  const [namespace, service] = key.split('/') as [string, string];
  if (!lookup.exposes(namespace)) return [];
  const source = lookup.index.local;
  const ports = [source.service(key)?.ports ?? [], ...source.endpoints(key).map((set) => set.ports)].flat();
  const labels = new Map(
    ports.filter(({ name }) => name !== '').map((port) => [`_${port.name}._${port.protocol}`, port]),
  );
  return [...labels].flatMap(([label, { name: port, protocol }]) => {
    const options = { ignoreEmpty: lookup.options.ignoreEmpty, multicluster: false };
    const found = findBackends({ kind: 'svc', namespace, service, port, protocol }, source, options);
    const name = inZone(`${label}.${service}.${namespace}.svc`, zone);
    return found === undefined ? [] : [lookup.recordsOf(name, zone, found)];
  });
}

/** What each type of question gets that has an answer of its own: addresses at names, SRV at ports. */
function recordsAt(records: NameRecords, ttl: number): ResourceRecord[] {
  const alias = records.backends.find((backend) => backend.alias !== undefined)?.alias;
  if (alias !== undefined) return [aliasRecord(records.name, ttl, alias)];
  const types = records.name.startsWith('_')
    ? [recordTypes.SRV]
    : [recordTypes.A, recordTypes.AAAA, recordTypes.TXT];
  return types.flatMap((type) => records.of(type).answers);
}

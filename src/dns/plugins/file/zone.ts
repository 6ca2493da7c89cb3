/** A zone's records by name and type, with what lies between its names. */
import { recordTypes } from '../../message/constants.ts';
import type { ResourceRecord } from '../../message/message.ts';
import { canonicalName, decodeName, isBelow, labelsOf } from '../../message/name.ts';
import { parentOf } from '../../server-blocks/router.ts';
import { nsec, rrsig, signedType } from './zone-file.ts';

export interface Zone {
  readonly origin: string;
  /** Undefined where the zone has none: it cannot be served. */
  readonly soa: ResourceRecord | undefined;
  /** Records of a canonical name and type; undefined where there is no such name. `signed`: with their signatures. */
  at(name: string, type: number, signed?: boolean): readonly ResourceRecord[];
  has(name: string): boolean;
  /** Whether names with records lie below it: an empty non-terminal (RFC 8020). */
  hasBelow(name: string): boolean;
  /** All of them, in the order that CoreDNS transfers them: SOA, name servers, then by name; the SOA record again. */
  records(): ResourceRecord[];
  /** The NSEC records of the name itself, or of the last one before it (RFC 4034 section 6.1). */
  denial(name: string): readonly ResourceRecord[];
}

export function createZone(origin: string, records: readonly ResourceRecord[]): Zone {
  const names = new Map<string, Map<number, ResourceRecord[]>>();
  const above = new Set<string>();
  for (const record of records) {
    const name = canonicalName(record.name);
    if (!isBelow(name, origin)) continue;
    const types = names.get(name) ?? new Map<number, ResourceRecord[]>();
    names.set(name, types);
    types.set(record.data.type, [...(types.get(record.data.type) ?? []), { ...record, name }]);
    for (let up = parentOf(name); up !== undefined && up !== origin && isBelow(up, origin); up = parentOf(up))
      above.add(up);
  }
  const of = (name: string, type: number) => names.get(name)?.get(type) ?? [];
  const ordered = [...names.keys()].filter((name) => of(name, nsec).length > 0).sort(compareNames);
  const at = (name: string, type: number, signed = false): readonly ResourceRecord[] => {
    const found = of(name, type);
    if (!signed || found.length === 0) return found;
    return [...found, ...of(name, rrsig).filter((signature) => signedType(signature) === type)];
  };
  function transferred(): ResourceRecord[] {
    const apexTypes = [recordTypes.SOA, recordTypes.NS];
    const isOfApex = (record: ResourceRecord) =>
      apexTypes.some((type) => type === record.data.type || type === signedType(record));
    const apex = apexTypes.flatMap((type) => at(origin, type, true));
    const rest = [...names.keys()].sort(compareNames).flatMap((name) => {
      const all = [...names.get(name)!.values()].flat();
      return name === origin ? all.filter((record) => !isOfApex(record)) : all;
    });
    return [...apex, ...rest, ...of(origin, recordTypes.SOA)];
  }
  return {
    origin,
    soa: of(origin, recordTypes.SOA)[0],
    at,
    records: () => transferred(),
    has: (name) => names.has(name),
    hasBelow: (name) => above.has(name),
    denial: (name) => {
      const before = ordered.findLast((one) => compareNames(one, name) <= 0);
      return before === undefined ? [] : at(before, nsec, true);
    },
  };
}

/** Canonical order: by labels from the right, as bytes. */
function compareNames(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => labelsOf(name).reverse());
  for (let i = 0; ; i++) {
    const [one, other] = [left![i], right![i]];
    if (one === undefined || other === undefined) return (one ? 1 : 0) - (other ? 1 : 0);
    const order = Buffer.compare(one, other);
    if (order !== 0) return order;
  }
}

/** The target of an alias of a whole subtree, whose data is a name on the wire (RFC 6672). */
export function dnameTarget({ data }: ResourceRecord): string {
  if ('target' in data) return canonicalName(data.target);
  return 'bytes' in data ? canonicalName(decodeName(data.bytes, 0).name) : '';
}

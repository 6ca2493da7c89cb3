/** The lines of a hosts(5) file: an address, then its names; names may be wildcards (`*.example.org`). */
import { formatIp, type Ip, ipFromBytes, tryParseIp } from '../../../net/ip.ts';
import { canonicalName, isBelow } from '../../message/name.ts';
import { parentOf } from '../../server-blocks/router.ts';

export interface HostsTable {
  /** Addresses of a canonical name, of both families, in the file's order. */
  addressesOf(name: string): readonly Ip[];
  /** Names of an address, in the file's order. */
  namesOf(ip: Ip): readonly string[];
  /** How many pairs of name and address, in both directions. */
  readonly size: number;
}

/** Names outside the zones are left out, and lines that are none. `reverse`: addresses lead to names. */
export function parseHosts(
  text: string,
  { zones, reverse }: { zones: readonly string[]; reverse: boolean },
): HostsTable {
  const addresses = new Map<string, Ip[]>();
  const names = new Map<string, string[]>();
  let size = 0;
  const add = <T>(map: Map<string, T[]>, key: string, value: T) => {
    map.set(key, [...(map.get(key) ?? []), value]);
    size++;
  };
  for (const line of text.split('\n')) {
    const [address = '', ...words] = line.split('#')[0]!.trim().split(/\s+/);
    const ip = plainIp(address.split('%')[0]!);
    if (ip === undefined) continue;
    for (const name of words.map(canonicalName)) {
      if (!zones.some((zone) => isBelow(name, zone))) continue;
      add(addresses, name, ip);
      if (reverse && !name.startsWith('*.')) add(names, formatIp(ip), name);
    }
  }
  return {
    size,
    addressesOf: (name) => addresses.get(name) ?? addresses.get(`*.${parentOf(name) ?? ''}`) ?? [],
    namesOf: (ip) => names.get(formatIp(ip)) ?? [],
  };
}

/** An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) is one of IPv4. */
function plainIp(text: string): Ip | undefined {
  const ip = tryParseIp(text);
  if (ip?.family !== 6) return ip;
  const mapped = ip.bytes.every((byte, i) => i >= 12 || byte === (i < 10 ? 0 : 0xff));
  return mapped ? ipFromBytes(ip.bytes.slice(12)) : ip;
}

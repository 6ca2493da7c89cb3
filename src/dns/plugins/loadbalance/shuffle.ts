/** Orders of records. */
import { type Cidr, cidrContains } from '../../../net/cidr.ts';
import { recordTypes } from '../../message/constants.ts';
import type { ResourceRecord } from '../../message/message.ts';

/** In place, every order as likely as any other; the same array. */
export function shuffle<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const other = Math.floor(Math.random() * (i + 1));
    [items[i], items[other]] = [items[other]!, items[i]!];
  }
  return items;
}

const isAddress = ({ data }: ResourceRecord) => data.type === recordTypes.A || data.type === recordTypes.AAAA;
const isOf =
  (type: number) =>
  ({ data }: ResourceRecord) =>
    data.type === type;

/** Records by what their order means. */
export function sortedByKind(records: readonly ResourceRecord[]) {
  return {
    aliases: records.filter(isOf(recordTypes.CNAME)),
    addresses: records.filter(isAddress),
    exchanges: records.filter(isOf(recordTypes.MX)),
    rest: records.filter(
      (record) =>
        !isAddress(record) && record.data.type !== recordTypes.CNAME && record.data.type !== recordTypes.MX,
    ),
  };
}

/** Aliases first and in their order; addresses and MX records in any. A new array where there is more than one record. */
export function roundRobin(records: ResourceRecord[]): ResourceRecord[] {
  if (records.length <= 1) return records;
  const { type } = records[0]!.data;
  if (isAddress(records[0]!) && records.every(({ data }) => data.type === type)) return shuffle([...records]);
  const { aliases, addresses, exchanges, rest } = sortedByKind(records);
  return [...aliases, ...rest, ...shuffle(addresses), ...shuffle(exchanges)];
}

/** Addresses of the first network before those of the second, and so on; the others behind. */
export function preferred(records: ResourceRecord[], networks: readonly Cidr[]): ResourceRecord[] {
  if (networks.length === 0 || records.length <= 1) return records;
  const { aliases, addresses, exchanges, rest } = sortedByKind(records);
  const rank = ({ data }: ResourceRecord) => {
    const at = 'ip' in data ? networks.findIndex((network) => cidrContains(network, data.ip)) : -1;
    return at === -1 ? networks.length : at;
  };
  return [...aliases, ...addresses.sort((a, b) => rank(a) - rank(b)), ...exchanges, ...rest];
}

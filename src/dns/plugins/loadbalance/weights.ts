/** Which address of a name stands first, and how often: the file of `loadbalance weighted`. */
import { formatIp, tryParseIp } from '../../../net/ip.ts';
import { corefileError } from '../../corefile/options.ts';
import type { ResourceRecord } from '../../message/message.ts';
import { canonicalName } from '../../message/name.ts';
import { sortedByKind } from './shuffle.ts';

/** Weights of a name's addresses, by their canonical texts. */
export type Weights = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Lines `NAME`, then of each of its addresses `ADDRESS WEIGHT`. @throws COREFILE with the line */
export function parseWeights(text: string, file: string): Weights {
  const weights = new Map<string, Map<string, number>>();
  let current: Map<string, number> | undefined;
  text.split('\n').forEach((line, i) => {
    const at = { file, line: i + 1 };
    const fields = line.trim().split(/\s+/);
    const [first, second] = fields as [string, string | undefined];
    if (first === '' || first.startsWith('#')) return;
    if (fields.length > 2)
      throw corefileError(at, `"${line.trim()}" is neither a name nor an address with its weight`);
    if (second === undefined) {
      if (tryParseIp(first)) throw corefileError(at, `"${first}" lacks its weight`);
      const name = canonicalName(first);
      current = weights.get(name) ?? new Map();
      weights.set(name, current);
      return;
    }
    const ip = tryParseIp(first);
    const weight = Number(second);
    if (ip === undefined) throw corefileError(at, `"${first}" is no IP address`);
    if (!/^\d+$/.test(second) || weight < 1 || weight > 255)
      throw corefileError(at, `"${second}" is no weight`, 'Weights are 1 to 255.');
    if (current === undefined) throw corefileError(at, 'a name must stand before its addresses');
    current.set(formatIp(ip), weight);
  });
  return weights;
}

/** One address stands first, each as often as its weight says (1 where it has none). `random` is below 1. */
export function weighted(
  records: ResourceRecord[],
  weights: Weights,
  random = Math.random,
): ResourceRecord[] {
  const { aliases, addresses, exchanges, rest } = sortedByKind(records);
  if (addresses.length === 0) return records;
  const each = addresses.map(({ name, data }) =>
    'ip' in data ? (weights.get(canonicalName(name))?.get(formatIp(data.ip)) ?? 1) : 1,
  );
  let left = random() * each.reduce((sum, weight) => sum + weight, 0);
  const top = each.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  if (top > 0) [addresses[0], addresses[top]] = [addresses[top]!, addresses[0]!];
  return [...aliases, ...rest, ...addresses, ...exchanges];
}

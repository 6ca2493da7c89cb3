/** Answers of the kernel, as it tells of some of them (`struct dns_sample`). */
import { formatIp } from '../../net/ip.ts';
import { typeName } from '../message/record-text.ts';
import { dnsOutcome, layouts } from './generated/layouts.ts';
import { nameOf } from './zone-maps.ts';

export interface AnswerSample {
  /** CLOCK_MONOTONIC, ns. */
  time: bigint;
  /** What the question claims to come from. */
  asker: string;
  /** Of the veth that it came by. */
  ifindex: number;
  /** In the asker's letters. */
  name: string;
  type: string;
  result: 'hit' | 'empty' | 'nxdomain';
}

const results: Record<number, AnswerSample['result']> = {
  [dnsOutcome.DNS_HIT]: 'hit',
  [dnsOutcome.DNS_EMPTY]: 'empty',
  [dnsOutcome.DNS_NAME_ERROR]: 'nxdomain',
};

export function decodeSample(record: Uint8Array): AnswerSample {
  const { time, asker, ifindex, name, type, outcome } = layouts.dnsSample.decode(record);
  return {
    ...{ time, asker: formatIp(asker), ifindex, name: nameOf(name) },
    ...{ type: typeName(type), result: results[outcome] ?? 'hit' },
  };
}

/** AAAA records made from A records (RFC 6147 section 5, RFC 6052 section 2.2). */
import type { Cidr } from '../../../net/cidr.ts';
import type { Ip } from '../../../net/ip.ts';
import { recordTypes } from '../../message/constants.ts';
import { type Message, type ResourceRecord, replyTo } from '../../message/message.ts';

/** Where no SOA record says how long the absence of AAAA records may be kept (section 5.1.7). */
const usualTtl = 600;

/** The answer to the AAAA query: the A query's, its addresses within the prefix. */
export function translate(
  query: Message,
  { original, ipv4 }: { original: Message; ipv4: Message },
  prefix: Cidr,
): Message {
  const soa = original.authorities.findLast(({ data }) => data.type === recordTypes.SOA);
  const longest = soa?.ttl ?? usualTtl;
  return replyTo(query, {
    truncated: ipv4.truncated,
    answers: ipv4.answers.map((record) => translateRecord(record, prefix, longest)),
    authorities: ipv4.authorities,
    additionals: ipv4.additionals,
  });
}

function translateRecord(record: ResourceRecord, prefix: Cidr, longest: number): ResourceRecord {
  const { data } = record;
  if (data.type !== recordTypes.A || !('ip' in data)) return record;
  return {
    ...record,
    ttl: Math.min(record.ttl, longest),
    data: { type: recordTypes.AAAA, ip: embed(data.ip, prefix) },
  };
}

/** The address behind the prefix; the byte with bits 64 to 71 stays zero (RFC 6052). */
export function embed({ bytes }: Ip, { ip, prefix }: Cidr): Ip {
  const whole = new Uint8Array(16);
  whole.set(ip.bytes.subarray(0, prefix / 8));
  let at = prefix / 8;
  for (const byte of bytes) {
    if (at === 8) at++;
    whole[at++] = byte;
  }
  return { family: 6, bytes: whole };
}

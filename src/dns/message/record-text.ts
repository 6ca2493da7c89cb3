/** Records as text for people, in tables and in tests. */
import { formatIp } from '../../net/ip.ts';
import { recordTypes } from './constants.ts';
import type { RecordData } from './record-data.ts';

/** The data of a record as people read it: names without their final dot. */
export function dataText(data: RecordData): string {
  if ('ip' in data) return formatIp(data.ip);
  if ('priority' in data) return `${data.priority} ${data.weight} ${data.port} ${data.target}`;
  if ('strings' in data) return data.strings.map((text) => Buffer.from(text).toString()).join(' ');
  if ('primary' in data) {
    const { primary, mailbox, serial, refresh, retry, expire, minimum } = data;
    return [primary, mailbox, serial, refresh, retry, expire, minimum].join(' ');
  }
  return 'target' in data ? data.target : '';
}

/** `A`, or `TYPE64` where the type has no name here (RFC 3597). */
export function typeName(type: number): string {
  return Object.entries(recordTypes).find(([, number]) => number === type)?.[0] ?? `TYPE${type}`;
}

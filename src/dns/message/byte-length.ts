/** How long a message is without compression: what CoreDNS's metrics and logs call its size. */
import type { Message, ResourceRecord } from './message.ts';
import { headerBytes } from './message.ts';
import type { RecordData } from './record-data.ts';

/** Bytes of a message as if no name were compressed. */
export function messageByteLength(message: Message): number {
  let length = headerBytes;
  for (const { name } of message.questions) length += nameByteLength(name) + 4;
  for (const section of [message.answers, message.authorities, message.additionals])
    length += section.length > fewRecords ? keptByteLength(section) : sectionByteLength(section);
  if (message.edns !== undefined) {
    length += 11;
    for (const { data } of message.edns.options) length += 4 + data.length;
  }
  return length;
}

const fewRecords = 1000;
/** Of whole zones, whose one list is sent to many. */
const kept = new WeakMap<ResourceRecord[], number>();

function keptByteLength(records: ResourceRecord[]): number {
  const known = kept.get(records) ?? sectionByteLength(records);
  kept.set(records, known);
  return known;
}

function sectionByteLength(records: readonly ResourceRecord[]): number {
  let length = 0;
  for (const record of records) length += recordByteLength(record);
  return length;
}

/** The same of a record. */
export function recordByteLength({ name, data }: ResourceRecord): number {
  return nameByteLength(name) + 10 + dataByteLength(data);
}

/** A label's length stands where its dot does; one byte more for the first, and the root's. */
function nameByteLength(name: string): number {
  if (name === '' || name === '.') return 1;
  const plain = name.includes('\\') ? name.replaceAll(/\\(\d{3}|.)/gs, 'x') : name;
  return plain.length + (plain.endsWith('.') ? 1 : 2);
}

function dataByteLength(data: RecordData): number {
  if ('bytes' in data) return data.bytes.length;
  if ('ip' in data) return data.ip.bytes.length;
  if ('strings' in data) return data.strings.reduce((sum, { length }) => sum + 1 + length, 0);
  if ('primary' in data) return nameByteLength(data.primary) + nameByteLength(data.mailbox) + 20;
  const target = nameByteLength(data.target);
  if ('weight' in data) return target + 6;
  return 'preference' in data ? target + 2 : target;
}

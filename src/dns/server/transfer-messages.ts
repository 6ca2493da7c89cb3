/** A zone's records as messages (RFC 5936): as many as go into one, those that no message can have left out. */
import { recordByteLength } from '../message/byte-length.ts';
import type { ResourceRecord } from '../message/message.ts';

/** What the records of one message may take, headers aside: it then surely fits its two bytes of length. */
const maxRecordsBytes = 63_000;

/**
 * `encode` makes a message of some records, and throws where it cannot. A name of a Service's endpoint or alias may have a label
 * that DNS has not: the API takes it. `leftOut` is told of each such record.
 */
export function* transferMessages(
  records: readonly ResourceRecord[],
  encode: (records: ResourceRecord[]) => Buffer,
  leftOut: (record: ResourceRecord) => void,
): Generator<Buffer> {
  for (let from = 0, to = 0; from < records.length; from = to) {
    let bytes = 0;
    do bytes += recordByteLength(records[to++]!);
    while (to < records.length && bytes + recordByteLength(records[to]!) <= maxRecordsBytes);
    const some = records.slice(from, to);
    const message = attempt(encode, some) ?? encode(some.filter((record) => fits(encode, record, leftOut)));
    yield message;
  }
}

function attempt(encode: (records: ResourceRecord[]) => Buffer, some: ResourceRecord[]): Buffer | undefined {
  try {
    return encode(some);
  } catch {
    return undefined;
  }
}

function fits(
  encode: (records: ResourceRecord[]) => Buffer,
  record: ResourceRecord,
  leftOut: (record: ResourceRecord) => void,
): boolean {
  if (attempt(encode, [record]) !== undefined) return true;
  leftOut(record);
  return false;
}

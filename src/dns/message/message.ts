/** DNS messages (RFC 1035 section 4, EDNS of RFC 6891). */
import { classInternet, recordTypes } from './constants.ts';
import { decodeName, malformed } from './name.ts';
import { decodeRecordData, encodeRecordData, type RecordData } from './record-data.ts';
import { Writer } from './writer.ts';

export interface Question {
  name: string;
  type: number;
  class: number;
}

export interface ResourceRecord {
  name: string;
  class: number;
  /** Seconds. */
  ttl: number;
  data: RecordData;
}

/** The OPT pseudo-record. */
export interface Edns {
  /** The largest UDP answer that the sender takes. */
  udpBytes: number;
  version: number;
  dnssecOk: boolean;
  options: { code: number; data: Uint8Array }[];
}

export interface Message {
  id: number;
  response: boolean;
  opcode: number;
  authoritative: boolean;
  truncated: boolean;
  recursionDesired: boolean;
  recursionAvailable: boolean;
  authenticData: boolean;
  checkingDisabled: boolean;
  /** 12 bits where the message has an OPT record. */
  rcode: number;
  questions: Question[];
  answers: ResourceRecord[];
  authorities: ResourceRecord[];
  /** Without the OPT record, which is `edns`. */
  additionals: ResourceRecord[];
  edns?: Edns;
}

export const headerBytes = 12;

/** A reply to a query with nothing in it yet. */
export function replyTo(query: Message, fields: Partial<Message> = {}): Message {
  return {
    id: query.id,
    response: true,
    opcode: query.opcode,
    authoritative: false,
    truncated: false,
    recursionDesired: query.recursionDesired,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: query.checkingDisabled,
    rcode: 0,
    questions: query.questions,
    answers: [],
    authorities: [],
    additionals: [],
    ...fields,
  };
}

/** A query for one name. */
export function newQuery(
  id: number,
  question: { name: string; type: number },
  fields: Partial<Message> = {},
): Message {
  return {
    ...replyTo({ id, opcode: 0, recursionDesired: true, checkingDisabled: false } as Message),
    response: false,
    questions: [{ ...question, class: classInternet }],
    ...fields,
  };
}

function flagsOf(message: Message): number {
  return (
    (message.response ? 0x8000 : 0) |
    ((message.opcode & 0xf) << 11) |
    (message.authoritative ? 0x0400 : 0) |
    (message.truncated ? 0x0200 : 0) |
    (message.recursionDesired ? 0x0100 : 0) |
    (message.recursionAvailable ? 0x0080 : 0) |
    (message.authenticData ? 0x0020 : 0) |
    (message.checkingDisabled ? 0x0010 : 0) |
    (message.rcode & 0xf)
  );
}

/**
 * Encodes a message into at most `limit` bytes. What does not fit is left out at a record's border, and the
 * truncated flag tells so (RFC 2181 section 9); the OPT record is always kept. With `inCaseOfQuestion`, names in lower case
 * that are the question's, or end as it does, are written as it is: who sends one in a case of its own may look for it.
 */
export function encodeMessage(
  message: Message,
  limit = 65_535,
  options: { inCaseOfQuestion?: boolean } = {},
): Buffer {
  const writer = new Writer();
  writer.u16(message.id).u16(flagsOf(message)).u16(message.questions.length).u16(0).u16(0).u16(0);
  for (const question of message.questions) writer.name(question.name).u16(question.type).u16(question.class);
  if (options.inCaseOfQuestion && message.questions[0])
    writer.lendCase(message.questions[0].name, headerBytes);
  const room = limit - (message.edns ? ednsByteLength(message.edns) : 0);
  const fits = writeSection(writer, message.answers, { countAt: 6, room });
  const fitsAll = fits && writeSection(writer, message.authorities, { countAt: 8, room });
  // RFC 2181 would let additional records go silently where nobody needs them; that cannot be known here.
  if (!(fitsAll && writeSection(writer, message.additionals, { countAt: 10, room })))
    writer.patchU16(2, flagsOf({ ...message, truncated: true }));
  if (message.edns) {
    writeEdns(writer, message.edns, message.rcode);
    writer.patchU16(10, writer.finish().readUInt16BE(10) + 1);
  }
  return writer.finish();
}

function writeSection(
  writer: Writer,
  records: ResourceRecord[],
  at: { countAt: number; room: number },
): boolean {
  let count = 0;
  for (const record of records) {
    const before = writer.length;
    writer.name(record.name).u16(record.data.type).u16(record.class).u32(record.ttl);
    const lengthAt = writer.length;
    encodeRecordData(record.data, writer.u16(0));
    writer.patchU16(lengthAt, writer.length - lengthAt - 2);
    if (writer.length > at.room) {
      writer.truncate(before);
      break;
    }
    count++;
  }
  writer.patchU16(at.countAt, count);
  return count === records.length;
}

function ednsByteLength(edns: Edns): number {
  return edns.options.reduce((sum, option) => sum + 4 + option.data.length, 11);
}

function writeEdns(writer: Writer, edns: Edns, rcode: number): void {
  writer.u8(0).u16(recordTypes.OPT).u16(edns.udpBytes);
  writer
    .u8((rcode >> 4) & 0xff)
    .u8(edns.version)
    .u16(edns.dnssecOk ? 0x8000 : 0);
  writer.lengthPrefixed(() => {
    for (const option of edns.options) writer.u16(option.code).u16(option.data.length).bytes(option.data);
  });
}

/** @throws TendrilError BAD_INPUT for anything that is not exactly one well-formed message */
export function decodeMessage(bytes: Uint8Array): Message {
  if (bytes.length < headerBytes) throw malformed('shorter than a header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint16(2);
  const message: Message = {
    id: view.getUint16(0),
    response: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 0xf,
    authoritative: (flags & 0x0400) !== 0,
    truncated: (flags & 0x0200) !== 0,
    recursionDesired: (flags & 0x0100) !== 0,
    recursionAvailable: (flags & 0x0080) !== 0,
    authenticData: (flags & 0x0020) !== 0,
    checkingDisabled: (flags & 0x0010) !== 0,
    rcode: flags & 0xf,
    questions: [],
    answers: [],
    authorities: [],
    additionals: [],
  };
  let at = headerBytes;
  for (let i = view.getUint16(4); i > 0; i--) {
    const { name, next } = decodeName(bytes, at);
    if (next + 4 > bytes.length) throw malformed('a question runs past the end');
    message.questions.push({ name, type: view.getUint16(next), class: view.getUint16(next + 2) });
    at = next + 4;
  }
  const sections = [message.answers, message.authorities, message.additionals];
  sections.forEach((records, section) => {
    for (let i = view.getUint16(6 + 2 * section); i > 0; i--)
      at = readRecord(bytes, view, at, { message, records });
  });
  if (at !== bytes.length) throw malformed('bytes behind the last record');
  return message;
}

function readRecord(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  into: { message: Message; records: ResourceRecord[] },
): number {
  const { name, next } = decodeName(bytes, offset);
  if (next + 10 > bytes.length) throw malformed('a record runs past the end');
  const type = view.getUint16(next);
  const start = next + 10;
  const end = start + view.getUint16(next + 8);
  if (end > bytes.length) throw malformed('a record runs past the end');
  if (type === recordTypes.OPT) {
    if (name !== '' || into.message.edns || into.records !== into.message.additionals)
      throw malformed('a misplaced OPT record');
    into.message.edns = readEdns(bytes, view, { head: next, start, end });
    into.message.rcode |= bytes[next + 4]! << 4;
  } else {
    const data = decodeRecordData(type, bytes, start, end);
    into.records.push({ name, class: view.getUint16(next + 2), ttl: view.getUint32(next + 4), data });
  }
  return end;
}

function readEdns(bytes: Uint8Array, view: DataView, at: { head: number; start: number; end: number }): Edns {
  const options: Edns['options'] = [];
  for (let offset = at.start; offset < at.end; ) {
    if (offset + 4 > at.end) throw malformed('an EDNS option runs past its record');
    const length = view.getUint16(offset + 2);
    if (offset + 4 + length > at.end) throw malformed('an EDNS option runs past its record');
    options.push({
      code: view.getUint16(offset),
      data: Uint8Array.from(bytes.subarray(offset + 4, offset + 4 + length)),
    });
    offset += 4 + length;
  }
  return {
    udpBytes: view.getUint16(at.head + 2),
    version: bytes[at.head + 5]!,
    dnssecOk: (view.getUint16(at.head + 6) & 0x8000) !== 0,
    options,
  };
}

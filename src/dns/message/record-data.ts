/** The data of resource records by type (RFC 1035 section 3.3, RFC 3596, RFC 2782); other types stay bytes (RFC 3597). */
import { type Ip, ipFromBytes } from '../../net/ip.ts';
import { recordTypes } from './constants.ts';
import { decodeName, malformed } from './name.ts';
import type { Writer } from './writer.ts';

export interface SoaData {
  primary: string;
  mailbox: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
}

export interface SrvData {
  priority: number;
  weight: number;
  port: number;
  target: string;
}

export type RecordData =
  | { type: typeof recordTypes.A | typeof recordTypes.AAAA; ip: Ip }
  | { type: typeof recordTypes.CNAME | typeof recordTypes.NS | typeof recordTypes.PTR; target: string }
  | ({ type: typeof recordTypes.SRV } & SrvData)
  | ({ type: typeof recordTypes.SOA } & SoaData)
  | { type: typeof recordTypes.MX; preference: number; target: string }
  | { type: typeof recordTypes.TXT; strings: Uint8Array[] }
  | { type: number; bytes: Uint8Array };

interface RecordCodec {
  encode(data: never, to: Writer): void;
  decode(message: Uint8Array, start: number, end: number): RecordData;
}

/** A copy; `slice` of a Buffer would be a view that keeps the whole message alive. */
const copy = (message: Uint8Array, start: number, end: number): Uint8Array =>
  Uint8Array.from(message.subarray(start, end));
const view = (message: Uint8Array) => new DataView(message.buffer, message.byteOffset, message.byteLength);

/** A name that must end exactly where the record does. */
function finalName(message: Uint8Array, start: number, end: number): string {
  const { name, next } = decodeName(message, start);
  if (next !== end) throw malformed('a record is longer or shorter than its name');
  return name;
}

function addressCodec(type: 1 | 28, width: 4 | 16): RecordCodec {
  return {
    encode: (data: { ip: Ip }, to: Writer) => to.bytes(data.ip.bytes),
    decode: (message, start, end) => {
      if (end - start !== width) throw malformed('an address record of a wrong length');
      const bytes = copy(message, start, end);
      return { type, ip: width === 4 ? ipFromBytes(bytes) : { family: 6, bytes } };
    },
  };
}

function targetCodec(type: 2 | 5 | 12): RecordCodec {
  return {
    encode: (data: { target: string }, to: Writer) => to.name(data.target),
    decode: (message, start, end) => ({ type, target: finalName(message, start, end) }),
  };
}

const srvCodec: RecordCodec = {
  encode: (data: SrvData, to: Writer) => {
    to.u16(data.priority).u16(data.weight).u16(data.port);
    // RFC 2782: the target is not compressed.
    to.plainName(data.target);
  },
  decode: (message, start, end) => {
    if (end - start < 7) throw malformed('an SRV record that is too short');
    const at = view(message);
    return {
      type: recordTypes.SRV,
      priority: at.getUint16(start),
      weight: at.getUint16(start + 2),
      port: at.getUint16(start + 4),
      target: finalName(message, start + 6, end),
    };
  },
};

const soaNumbers = ['serial', 'refresh', 'retry', 'expire', 'minimum'] as const;

const soaCodec: RecordCodec = {
  encode: (data: SoaData, to: Writer) => {
    to.name(data.primary).name(data.mailbox);
    for (const field of soaNumbers) to.u32(data[field]);
  },
  decode: (message, start, end) => {
    const primary = decodeName(message, start);
    const mailbox = decodeName(message, primary.next);
    if (mailbox.next + 20 !== end) throw malformed('an SOA record of a wrong length');
    const at = view(message);
    const [serial, refresh, retry, expire, minimum] = soaNumbers.map((_, i) =>
      at.getUint32(mailbox.next + 4 * i),
    );
    return {
      type: recordTypes.SOA,
      primary: primary.name,
      mailbox: mailbox.name,
      serial: serial!,
      refresh: refresh!,
      retry: retry!,
      expire: expire!,
      minimum: minimum!,
    };
  },
};

const mxCodec: RecordCodec = {
  encode: (data: { preference: number; target: string }, to: Writer) =>
    to.u16(data.preference).name(data.target),
  decode: (message, start, end) => {
    if (end - start < 3) throw malformed('an MX record that is too short');
    return {
      type: recordTypes.MX,
      preference: view(message).getUint16(start),
      target: finalName(message, start + 2, end),
    };
  },
};

const txtCodec: RecordCodec = {
  encode: (data: { strings: Uint8Array[] }, to: Writer) => {
    for (const string of data.strings) to.u8(string.length).bytes(string);
  },
  decode: (message, start, end) => {
    const strings: Uint8Array[] = [];
    for (let at = start; at < end; at += 1 + message[at]!) {
      if (at + 1 + message[at]! > end) throw malformed('a TXT string runs past its record');
      strings.push(copy(message, at + 1, at + 1 + message[at]!));
    }
    return { type: recordTypes.TXT, strings };
  },
};

const codecs = new Map<number, RecordCodec>([
  [recordTypes.A, addressCodec(recordTypes.A, 4)],
  [recordTypes.AAAA, addressCodec(recordTypes.AAAA, 16)],
  [recordTypes.CNAME, targetCodec(recordTypes.CNAME)],
  [recordTypes.NS, targetCodec(recordTypes.NS)],
  [recordTypes.PTR, targetCodec(recordTypes.PTR)],
  [recordTypes.SRV, srvCodec],
  [recordTypes.SOA, soaCodec],
  [recordTypes.MX, mxCodec],
  [recordTypes.TXT, txtCodec],
]);

export function encodeRecordData(data: RecordData, to: Writer): void {
  if ('bytes' in data) to.bytes(data.bytes);
  else codecs.get(data.type)!.encode(data as never, to);
}

/** Reads record data at [start, end) of a message. Empty data (as in updates) and unknown types stay bytes. */
export function decodeRecordData(type: number, message: Uint8Array, start: number, end: number): RecordData {
  const codec = start === end ? undefined : codecs.get(type);
  return codec ? codec.decode(message, start, end) : { type, bytes: copy(message, start, end) };
}

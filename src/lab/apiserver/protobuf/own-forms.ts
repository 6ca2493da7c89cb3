/** The messages of Kubernetes that are no objects in JSON: times, quantities, ports by number or name, JSON itself. */
import { MalformedError, type WireReader, wire } from './wire-reader.ts';

/** Go's zero time, which JSON has as null: the first second of year 1. */
export const zeroSeconds = -62135596800;
const maxSeconds = 253402300799;

/** Seconds since 1970 and nanoseconds; undefined for Go's zero time. */
export interface Timestamp {
  seconds: number;
  nanos: number;
}

function readTimestamp(reader: WireReader): Timestamp | undefined {
  if (reader.position === reader.end) return undefined;
  let seconds = 0;
  let nanos = 0;
  while (reader.nextField()) {
    if (reader.number > 2) reader.skip();
    else {
      reader.expect(wire.varint, reader.number === 1 ? 'Seconds' : 'Nanos');
      if (reader.number === 1) seconds = reader.int64();
      else nanos = reader.int32();
    }
  }
  if (seconds < zeroSeconds || seconds > maxSeconds || Math.abs(nanos) >= 1e9)
    throw new MalformedError(`a time of ${seconds} seconds and ${nanos} nanoseconds cannot be told`);
  return { seconds, nanos };
}

const secondsText = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 19);

/** RFC 3339, to the second. */
export function readTime(reader: WireReader): string | null {
  const time = readTimestamp(reader);
  return time === undefined || time.seconds === zeroSeconds ? null : `${secondsText(time.seconds)}Z`;
}

/** RFC 3339, to the microsecond. */
export function readMicroTime(reader: WireReader): string | null {
  const time = readTimestamp(reader);
  if (time === undefined) return null;
  const micros = Math.trunc(time.nanos / 1000);
  if (time.seconds === zeroSeconds && micros === 0) return null;
  // Nanoseconds before the second are allowed on the wire.
  const before = micros < 0 ? 1 : 0;
  const fraction = String(micros + before * 1e6).padStart(6, '0');
  return `${secondsText(time.seconds - before)}.${fraction}Z`;
}

/** @throws Error for what is no time in RFC 3339 */
export function parseTime(text: string): Timestamp {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new Error(`${text} is no time`);
  const [, fraction = ''] = /\.(\d+)/.exec(text) ?? [];
  return { seconds: Math.floor(ms / 1000), nanos: Number(fraction.slice(0, 9).padEnd(9, '0')) };
}

/** The only field of a message, which is a string or bytes: a slice of these; undefined where it is not there. */
function onlyField(reader: WireReader, what: string): WireReader | undefined {
  let found: WireReader | undefined;
  while (reader.nextField()) {
    if (reader.number !== 1) reader.skip();
    else {
      reader.expect(wire.bytes, what);
      found = reader.part();
    }
  }
  return found;
}

const textOf = ({ bytes, position, end }: WireReader) => bytes.toString('utf8', position, end);

/** Of its spelling is said only whether it may be one; whoever reads the object compares numbers. */
export function readQuantity(reader: WireReader): string {
  const part = onlyField(reader, 'String_');
  if (part === undefined) return '0';
  const text = textOf(part);
  if (/^[+-]?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/.test(text)) return text;
  throw new MalformedError(
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  );
}

/** RawExtension, FieldsV1 and the JSON of schemas. */
export function readJson(reader: WireReader): unknown {
  const part = onlyField(reader, 'Raw');
  if (part === undefined || part.position === part.end) return null;
  try {
    return JSON.parse(textOf(part));
  } catch (error) {
    throw new MalformedError((error as Error).message);
  }
}

export function readStrings(reader: WireReader): string[] {
  const found: string[] = [];
  while (reader.nextField()) {
    if (reader.number !== 1) reader.skip();
    else {
      reader.expect(wire.bytes, 'Items');
      found.push(reader.string());
    }
  }
  return found;
}

export function readIntOrString(reader: WireReader): number | string {
  let type = 0;
  let int = 0;
  let string = '';
  while (reader.nextField()) {
    if (reader.number > 3) reader.skip();
    else if (reader.number === 3) {
      reader.expect(wire.bytes, 'StrVal');
      string = reader.string();
    } else {
      reader.expect(wire.varint, reader.number === 1 ? 'Type' : 'IntVal');
      if (reader.number === 1) type = reader.int64();
      else int = reader.int32();
    }
  }
  if (type !== 0 && type !== 1) throw new MalformedError('impossible IntOrString.Type');
  return type === 0 ? int : string;
}

/** From JSON to a message of protobuf, byte for byte as Go writes it. */
import { isJsonObject, type JsonObject } from '../json.ts';
import type { Field, MessageType, Scalar } from './message-types.ts';
import { parseTime, zeroSeconds } from './own-forms.ts';
import { schemaForms } from './schema-forms.ts';
import { wire } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** The fields of the message, backwards. What JSON has and the message has not is left out. */
export function writeMessage(writer: WireWriter, type: MessageType, value: unknown): void {
  const fields = schemaForms[type.name]?.toFields(value) ?? (isJsonObject(value) ? value : {});
  for (let i = type.fields.length - 1; i >= 0; i--) {
    const field = type.fields[i]!;
    // What is inlined has its fields among these.
    writeField(writer, field, field.name === '' ? fields : fields[field.name]);
  }
}

function writeField(writer: WireWriter, field: Field, value: unknown): void {
  switch (field.holds) {
    case 'list':
      if (!Array.isArray(value)) return;
      for (let i = value.length - 1; i >= 0; i--) writeValue(writer, field, value[i]);
      return;
    case 'map':
      if (isJsonObject(value)) writeMap(writer, field, value);
      return;
    case 'optional':
      if (value !== undefined && value !== null) writeValue(writer, field, value);
      return;
    default:
      if (!isNil(field.scalar, value)) writeValue(writer, field, value);
  }
}

/** Bytes and lists that are not there, in Go. */
const isNil = (scalar: Scalar | undefined, value: unknown) =>
  (scalar === 'y' || scalar === 'w') && (value === undefined || value === null);

/** In the order of its keys. */
function writeMap(writer: WireWriter, { number, ...field }: Field, map: JsonObject): void {
  const value = { ...field, number: 2 };
  for (const key of Object.keys(map).sort().reverse()) {
    const from = writer.length;
    if (!isNil(field.scalar, map[key]) || field.scalar === 'w') writeValue(writer, value, map[key]);
    writeText(writer, 1, key);
    writer.close(number, from);
  }
}

function writeText(writer: WireWriter, number: number, text: string): void {
  const from = writer.length;
  writer.text(text);
  writer.close(number, from);
}

/** Also where the value is not there: then Go's zero. */
function writeValue(writer: WireWriter, { number, scalar, message }: Field, value: unknown): void {
  if (scalar === 'b' || scalar === 'i' || scalar === 'l') {
    writer.varint(Math.trunc(Number(value ?? 0)));
    writer.tag(number, wire.varint);
  } else if (scalar === 'f') {
    writer.double(Number(value ?? 0));
    writer.tag(number, wire.fixed64);
  } else {
    const from = writer.length;
    if (scalar === undefined) writeMessage(writer, message!, value);
    else contents[scalar](writer, value);
    writer.close(number, from);
  }
}

type WriteContent = (writer: WireWriter, value: unknown) => void;

/** What stands after a length. */
const contents: Record<Exclude<Scalar, 'b' | 'i' | 'l' | 'f'>, WriteContent> = {
  s: (writer, value) => writer.text(typeof value === 'string' ? value : ''),
  y: (writer, value) => writer.bytes(Buffer.from(String(value), 'base64')),
  t: (writer, value) => writeTime(writer, value, { nanosecondsTo: 1e9 }),
  u: (writer, value) => writeTime(writer, value, { nanosecondsTo: 1000 }),
  q: (writer, value) => writeText(writer, 1, String(value ?? '0')),
  x: writeIntOrString,
  /** Go reads null as nothing. */
  r: (writer, value) => {
    if (value !== undefined && value !== null) writeText(writer, 1, JSON.stringify(value));
  },
  w: (writer, value) => {
    for (const item of (value as string[] | null | undefined)?.toReversed() ?? []) writeText(writer, 1, item);
  },
};

function writeTime(writer: WireWriter, value: unknown, { nanosecondsTo }: { nanosecondsTo: number }): void {
  if (typeof value !== 'string') return;
  const { seconds, nanos } = parseTime(value);
  const kept = nanos - (nanos % nanosecondsTo);
  if (seconds === zeroSeconds && kept === 0) return;
  writer.varint(kept);
  writer.tag(2, wire.varint);
  writer.varint(seconds);
  writer.tag(1, wire.varint);
}

function writeIntOrString(writer: WireWriter, value: unknown): void {
  const isText = typeof value === 'string';
  writeText(writer, 3, isText ? value : '');
  writer.varint(isText ? 0 : Number(value ?? 0));
  writer.tag(2, wire.varint);
  writer.varint(isText ? 1 : 0);
  writer.tag(1, wire.varint);
}

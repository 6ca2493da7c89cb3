/** From a message of protobuf to what Go would have written of it as JSON. */
import { equalJson, type JsonObject } from '../json.ts';
import type { Field, MessageType, Scalar } from './message-types.ts';
import {
  readIntOrString,
  readJson,
  readMicroTime,
  readQuantity,
  readStrings,
  readTime,
} from './own-forms.ts';
import { schemaForms } from './schema-forms.ts';
import { MalformedError, WireReader, wire } from './wire-reader.ts';

/** As deep as a body may be. */
const maxDepth = 1000;
/** Of one object, those among them that are there in Go without being sent: two bytes may stand for hundreds in memory. */
const maxParts = 100_000;

/** What has to be kept for a field until the message has been read. */
type Gathered = unknown;

const wireTypes: Record<Scalar, number> = {
  s: wire.bytes,
  b: wire.varint,
  i: wire.varint,
  l: wire.varint,
  f: wire.fixed64,
  y: wire.bytes,
  t: wire.bytes,
  u: wire.bytes,
  q: wire.bytes,
  x: wire.bytes,
  r: wire.bytes,
  w: wire.bytes,
};

/** What Go's zero value is in JSON. */
const zeros: Record<Scalar, unknown> = {
  ...{ s: '', b: false, i: 0, l: 0, f: 0, y: null },
  ...{ t: null, u: null, q: '0', x: 0, r: null, w: null },
};

/** Those that Go has as structs, which are never empty, though they may be zero. */
const structs = new Set<Scalar>(['t', 'u', 'q', 'x', 'r']);

const empty = () => new WireReader(Buffer.alloc(0));

function readScalar(reader: WireReader, scalar: Scalar): unknown {
  switch (scalar) {
    case 's':
      return reader.string();
    case 'b':
      return reader.boolean();
    case 'i':
      return reader.int32();
    case 'l':
      return reader.int64();
    case 'f':
      return reader.double();
    case 'y': {
      const { bytes, position, end } = reader.part();
      return bytes.toString('base64', position, end);
    }
    default:
      return readOwnForm(reader.part(), scalar);
  }
}

function readOwnForm(reader: WireReader, scalar: Scalar): unknown {
  switch (scalar) {
    case 't':
      return readTime(reader);
    case 'u':
      return readMicroTime(reader);
    case 'q':
      return readQuantity(reader);
    case 'x':
      return readIntOrString(reader);
    case 'w':
      return readStrings(reader);
    default:
      return readJson(reader);
  }
}

/** A message that came in parts is what its parts are in one. */
function joined(parts: WireReader[]): WireReader {
  const [first] = parts;
  if (first === undefined) return empty();
  if (parts.length === 1) return first;
  return new WireReader(
    Buffer.concat(parts.map(({ bytes, position, end }) => bytes.subarray(position, end))),
  );
}

class Decoder {
  #parts = 0;
  #depth = 0;

  message(type: MessageType, reader: WireReader): unknown {
    this.#count();
    if (++this.#depth > maxDepth) throw new MalformedError(`nested deeper than ${maxDepth} levels`);
    const gathered: Gathered[] = new Array(type.fields.length);
    while (reader.nextField()) {
      const place = type.places.get(reader.number);
      if (place === undefined) reader.skip();
      else gathered[place] = this.#gather(reader, type.fields[place]!, gathered[place]);
    }
    const object: JsonObject = {};
    for (const [place, field] of type.fields.entries()) this.#finish(object, field, gathered[place]);
    this.#depth--;
    return schemaForms[type.name]?.fromFields(object) ?? object;
  }

  #count(): void {
    if (++this.#parts > maxParts) throw new MalformedError(`more than ${maxParts} parts`);
  }

  #gather(reader: WireReader, field: Field, before: Gathered): Gathered {
    const { holds, scalar, name } = field;
    if (holds === 'map') return this.#mapEntry(reader, field, (before ?? {}) as JsonObject);
    if (holds === 'list') return this.#item(reader, field, (before ?? []) as unknown[]);
    const wireType = scalar === undefined ? wire.bytes : wireTypes[scalar];
    reader.expect(wireType, name);
    if (scalar !== undefined) return readScalar(reader, scalar);
    this.#count();
    const parts = (before ?? []) as WireReader[];
    parts.push(reader.part());
    return parts;
  }

  /** Numbers may come packed. */
  #item(reader: WireReader, { scalar, message, name }: Field, items: unknown[]): unknown[] {
    const wireType = scalar === undefined ? wire.bytes : wireTypes[scalar];
    if (scalar !== undefined && wireType !== wire.bytes && reader.wireType === wire.bytes) {
      const packed = reader.part();
      while (packed.position < packed.end) items.push(readScalar(packed, scalar));
      return items;
    }
    reader.expect(wireType, name);
    items.push(scalar === undefined ? this.message(message!, reader.part()) : readScalar(reader, scalar));
    return items;
  }

  #mapEntry(reader: WireReader, field: Field, map: JsonObject): JsonObject {
    reader.expect(wire.bytes, field.name);
    this.#count();
    const entry = reader.part();
    const { scalar, message, name } = field;
    let key = '';
    let value: unknown;
    while (entry.nextField()) {
      if (entry.number > 2) entry.skip();
      else if (entry.number === 1) {
        entry.expect(wire.bytes, name);
        key = entry.string();
      } else {
        entry.expect(scalar === undefined ? wire.bytes : wireTypes[scalar], name);
        value = scalar === undefined ? this.message(message!, entry.part()) : readScalar(entry, scalar);
      }
    }
    if (key === '__proto__') throw new MalformedError('the name "__proto__" is not supported by this server');
    map[key] = value ?? (scalar === undefined ? this.message(message!, empty()) : zeros[scalar]);
    return map;
  }

  #finish(object: JsonObject, field: Field, gathered: Gathered): void {
    const { name, holds, scalar, message, omitted } = field;
    if (holds !== 'value') {
      const value =
        holds === 'optional' && scalar === undefined && gathered !== undefined
          ? this.message(message!, joined(gathered as WireReader[]))
          : gathered;
      if (value !== undefined) object[name] = value;
      else if (omitted === 'never') object[name] = null;
      return;
    }
    if (message !== undefined) {
      const value = this.message(message, joined((gathered ?? []) as WireReader[]));
      if (name === '') Object.assign(object, value);
      else if (omitted !== 'zero' || !this.#isZero(value, message)) object[name] = value;
      return;
    }
    const zero = zeros[scalar!];
    const value = gathered ?? zero;
    const isEmpty = value === zero || value === '' || (Array.isArray(value) && value.length === 0);
    if (omitted === 'never' || !isEmpty || (omitted === 'empty' && structs.has(scalar!)))
      object[name] = value;
  }

  #isZero(value: unknown, message: MessageType): boolean {
    return equalJson(value, this.message(message, empty()));
  }
}

/**
 * The message as Go's encoding/json writes it: what is absent and no pointer as its zero, but for what is left out then.
 * @throws MalformedError
 */
export function decodeMessage(type: MessageType, bytes: Buffer): JsonObject {
  return new Decoder().message(type, new WireReader(bytes)) as JsonObject;
}

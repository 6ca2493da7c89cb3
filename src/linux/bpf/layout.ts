/**
 * Encodes and decodes the structures of BPF maps by their layout in C. Integers are in the machine's order
 * (little-endian on every machine Tendril runs on), `__be16` and `__be32` in network order, 64-bit ones are
 * bigint, `struct address` is an Ip, byte arrays are Uint8Array. Padding and reserved fields are zero.
 */
import { type Ip, ipFromBytes } from '../../net/ip.ts';
import { TendrilError } from '../../util/errors.ts';
import type { BtfField, BtfStruct } from './btf.ts';

export interface FieldPlace {
  /** With the number of its elements where it is an array: `address[4]`. */
  type: string;
  offset: number;
  size: number;
}

export interface Layout<T> {
  readonly size: number;
  /** By field; what is padding or reserved is none. */
  readonly places: Readonly<Record<string, FieldPlace>>;
  /** The same for layouts that have the same fields at the same places. */
  readonly shape: string;
  /** Where a field begins, in bytes. */
  offsetOf(field: keyof T & string): number;
  /** Missing fields are zero. With `into` at `offset`, writes there (it must be zeroed) and returns it. */
  encode(value: Partial<T>, into?: Uint8Array, offset?: number): Uint8Array;
  /** @throws TendrilError INTERNAL when the bytes are of another length */
  decode(bytes: Uint8Array): T;
}

type Layouts = Record<string, BtfStruct>;

interface Accessor {
  name: string;
  write(view: DataView, at: number, value: unknown): void;
  read(view: DataView, at: number): unknown;
}

const integers: Record<string, Omit<Accessor, 'name'>> = {
  __u8: { write: (v, at, x) => v.setUint8(at, x as number), read: (v, at) => v.getUint8(at) },
  __u16: { write: (v, at, x) => v.setUint16(at, x as number, true), read: (v, at) => v.getUint16(at, true) },
  __u32: { write: (v, at, x) => v.setUint32(at, x as number, true), read: (v, at) => v.getUint32(at, true) },
  __u64: {
    write: (v, at, x) => v.setBigUint64(at, x as bigint, true),
    read: (v, at) => v.getBigUint64(at, true),
  },
  __be16: { write: (v, at, x) => v.setUint16(at, x as number), read: (v, at) => v.getUint16(at) },
  __be32: { write: (v, at, x) => v.setUint32(at, x as number), read: (v, at) => v.getUint32(at) },
  address: {
    write: (v, at, x) => writeAddress(v, at, x as Ip),
    read: (v, at) => ipFromBytes(bytesOf(v, at, 16)),
  },
};

function bytesOf(view: DataView, at: number, size: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, size);
}

function writeAddress(view: DataView, at: number, { family, bytes }: Ip): void {
  if (family === 4) view.setUint16(at + 10, 0xffff);
  const start = at + 16 - bytes.length;
  for (let i = 0; i < bytes.length; i++) view.setUint8(start + i, bytes[i]!);
}

/**
 * What is encoded lies side by side in a larger buffer: a buffer for each, which a DataView needs, takes longer to make
 * than all else here. It lives as long as the last of them.
 */
const chunkSize = 32_768;
let chunk = new DataView(new ArrayBuffer(chunkSize));
let used = 0;

function takeZeroed(size: number): { view: DataView; at: number } {
  if (used + size > chunkSize) {
    chunk = new DataView(new ArrayBuffer(Math.max(size, chunkSize)));
    used = 0;
  }
  const at = used;
  used += size;
  return { view: chunk, at };
}

/** The layout of one of a set of structures; nested ones are found in the set. */
export function layoutOf<T>(name: string, all: Layouts): Layout<T> {
  const struct = all[name];
  if (struct === undefined) throw new TendrilError('INTERNAL', `no structure ${name}`);
  const fields = struct.fields
    .filter((field) => !isPadding(field.name))
    .map((field) => ({ ...accessor(field, all), name: camelCase(field.name), offset: field.offset }));
  const places = Object.fromEntries(
    struct.fields
      .filter((field) => !isPadding(field.name))
      .map((field) => [
        camelCase(field.name),
        { type: typeName(field), offset: field.offset, size: field.size },
      ]),
  );
  return {
    size: struct.size,
    places,
    get shape() {
      const nested = struct.fields.flatMap(({ type }) => all[type]?.fields ?? []);
      return JSON.stringify([struct.size, struct.fields, nested]);
    },
    offsetOf: (name) => fields.find((field) => field.name === name)!.offset,
    encode(value, into, offset = 0) {
      const { view, at } =
        into === undefined
          ? takeZeroed(struct.size)
          : { view: new DataView(into.buffer, into.byteOffset + offset, struct.size), at: 0 };
      for (const field of fields) {
        const given = (value as Record<string, unknown>)[field.name];
        if (given !== undefined) field.write(view, at + field.offset, given);
      }
      return into ?? bytesOf(view, at, struct.size);
    },
    decode(bytes) {
      if (bytes.length !== struct.size) {
        throw new TendrilError('INTERNAL', `struct ${name} is ${struct.size} bytes, not ${bytes.length}`);
      }
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      return Object.fromEntries(fields.map((field) => [field.name, field.read(view, field.offset)])) as T;
    },
  };
}

function typeName({ type, elements }: BtfField): string {
  return elements === undefined ? type : `${type}[${elements}]`;
}

function accessor(field: BtfField, all: Layouts): Omit<Accessor, 'name'> {
  if (field.elements !== undefined) return array(field, all);
  const integer = integers[field.type];
  if (integer !== undefined) return integer;
  const nested = layoutOf<object>(field.type, all);
  return {
    write: (view, at, value) => void nested.encode(value as object, bytesOf(view, at, nested.size)),
    read: (view, at) => nested.decode(bytesOf(view, at, nested.size)),
  };
}

function array(field: BtfField, all: Layouts): Omit<Accessor, 'name'> {
  const count = field.elements!;
  if (field.type === '__u8') {
    return {
      write: (view, at, value) => bytesOf(view, at, count).set(value as Uint8Array),
      read: (view, at) => bytesOf(view, at, count).slice(),
    };
  }
  const step = field.size / count;
  const element = accessor({ name: field.name, offset: 0, size: step, type: field.type }, all);
  return {
    write: (view, at, value) =>
      (value as unknown[]).forEach((x, i) => void element.write(view, at + i * step, x)),
    read: (view, at) => Array.from({ length: count }, (_, i) => element.read(view, at + i * step)),
  };
}

/** Fields that carry nothing: never written, never shown. */
export function isPadding(name: string): boolean {
  return /^(pad\d*|reserved)$/.test(name);
}

export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

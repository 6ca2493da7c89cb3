/**
 * Netlink attributes (netlink(7), struct nlattr): u16 length, u16 type, value, padded to 4 bytes. Numbers are
 * in the machine's order, which is little-endian wherever Tendril runs, unless the attribute says network order.
 */
import { errno, KernelError } from '../errno.ts';

export interface Attribute {
  type: number;
  value: Uint8Array;
}

/** By type, flags taken off; where a type repeats, the last one. */
export type Attributes = ReadonlyMap<number, Uint8Array>;

const headerSize = 4;
const nestedFlag = 0x8000;
/** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const typeMask = 0x3fff;

export const align4 = (size: number): number => (size + 3) & ~3;

export function u8(type: number, value: number): Attribute {
  return { type, value: Uint8Array.of(value) };
}

export function u16(type: number, value: number): Attribute {
  return { type, value: Uint8Array.of(value & 0xff, value >> 8) };
}

/** Network order. */
export function be16(type: number, value: number): Attribute {
  return { type, value: Uint8Array.of(value >> 8, value & 0xff) };
}

export function u32(type: number, value: number): Attribute {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return { type, value: bytes };
}

export function raw(type: number, value: Uint8Array): Attribute {
  return { type, value };
}

/** With the NUL at its end. */
export function text(type: number, value: string): Attribute {
  return { type, value: Buffer.from(`${value}\0`, 'utf8') };
}

export function nested(type: number, attributes: readonly (Attribute | undefined)[]): Attribute {
  return { type: type | nestedFlag, value: encodeAttributes(attributes) };
}

/** What is made of a value, unless it is absent: `when(mtu, (v) => u32(IFLA_MTU, v))`. */
export function when<T, R>(value: T | undefined, make: (value: T) => R): R | undefined {
  return value === undefined ? undefined : make(value);
}

/** Absent ones are left out. */
export function encodeAttributes(attributes: readonly (Attribute | undefined)[]): Uint8Array {
  const present = attributes.filter((attribute) => attribute !== undefined);
  const size = present.reduce((sum, { value }) => sum + headerSize + align4(value.length), 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const { type, value } of present) {
    view.setUint16(offset, headerSize + value.length, true);
    view.setUint16(offset + 2, type, true);
    bytes.set(value, offset + headerSize);
    offset += headerSize + align4(value.length);
  }
  return bytes;
}

/** @throws KernelError EBADMSG when lengths do not fit */
export function decodeAttributes(bytes: Uint8Array): Attributes {
  const attributes = new Map<number, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset + headerSize <= bytes.length; ) {
    const length = view.getUint16(offset, true);
    if (length < headerSize || offset + length > bytes.length) throw malformed('attribute');
    const type = view.getUint16(offset + 2, true) & typeMask;
    attributes.set(type, bytes.subarray(offset + headerSize, offset + length));
    offset += align4(length);
  }
  return attributes;
}

export function malformed(what: string): KernelError {
  return new KernelError(errno.EBADMSG, 'decode netlink message', what);
}

/** @throws KernelError EBADMSG when it is shorter than the number */
export function readU32(value: Uint8Array): number {
  if (value.length < 4) throw malformed('number');
  return new DataView(value.buffer, value.byteOffset, 4).getUint32(0, true);
}

/** Up to the first NUL. */
export function readText(value: Uint8Array): string {
  const end = value.indexOf(0);
  return Buffer.from(end < 0 ? value : value.subarray(0, end)).toString('utf8');
}

export function maybeU32(value: Uint8Array | undefined): number | undefined {
  return value === undefined ? undefined : readU32(value);
}

/** A private copy of the header's bytes, as a view. @throws KernelError EBADMSG when the payload is shorter */
export function headerView(payload: Uint8Array, size: number): DataView {
  if (payload.length < size) throw malformed('header');
  return new DataView(payload.buffer, payload.byteOffset, size);
}

/** A fixed header followed by attributes. */
export function concat(header: Uint8Array, attributes: readonly (Attribute | undefined)[]): Uint8Array {
  const encoded = encodeAttributes(attributes);
  const bytes = new Uint8Array(header.length + encoded.length);
  bytes.set(header);
  bytes.set(encoded, header.length);
  return bytes;
}

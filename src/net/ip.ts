/**
 * IP addresses: values with bytes in network order. Text is canonical: dotted quad for IPv4, RFC 5952 for
 * IPv6. Inside BPF maps every address is 16 bytes; IPv4 is written as v4-mapped (::ffff:a.b.c.d).
 */
import { isIPv4, isIPv6 } from 'node:net';
import { TendrilError } from '../util/errors.ts';

export type Family = 4 | 6;

export interface Ip {
  readonly family: Family;
  /** 4 or 16 bytes, network order. */
  readonly bytes: Uint8Array;
}

const mappedPrefix = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/**
 * Parses an address as Kubernetes does (no leading zeros, no zone). A v4-mapped IPv6 text gives IPv4.
 * @throws TendrilError BAD_INPUT
 */
export function parseIp(text: string): Ip {
  const ip = tryParseIp(text);
  if (ip === undefined) throw new TendrilError('BAD_INPUT', `"${text}" is not an IP address`);
  return ip;
}

/** As parseIp, but undefined for what is no address. */
export function tryParseIp(text: string): Ip | undefined {
  if (isIPv4(text)) return { family: 4, bytes: parseIpv4(text) };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return ipFromBytes(parseIpv6(text));
}

/** Of a text that is one. By hand: there may be hundreds of thousands. */
function parseIpv4(text: string): Uint8Array {
  const bytes = new Uint8Array(4);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) at++;
    else bytes[at] = bytes[at]! * 10 + code - 48;
  }
  return bytes;
}

/** The address in its canonical form; undefined for what is no address. */
export function canonicalIp(text: string): string | undefined {
  // There is one way to write an IPv4 address.
  if (isIPv4(text)) return text;
  if (isPlainIpv6(text)) return text;
  const ip = tryParseIp(text);
  return ip && formatIp(ip);
}

const plainIpv6 = /^(?:[1-9a-f][0-9a-f]{0,3}:){1,5}:(?:[1-9a-f][0-9a-f]{0,3}:){0,4}[1-9a-f][0-9a-f]{0,3}$/;

/** Most canonical ones, such as fd00:10:244::5: groups that are not zero around `::`, which stands for two or more. */
function isPlainIpv6(text: string): boolean {
  return plainIpv6.test(text) && text.split(':').length <= 7;
}

function parseIpv6(text: string): Uint8Array {
  const lastColon = text.lastIndexOf(':');
  const tail = text.slice(lastColon + 1);
  let hex = text;
  if (tail.includes('.')) {
    const [a, b, c, d] = tail.split('.').map(Number) as [number, number, number, number];
    hex = `${text.slice(0, lastColon + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = '', rest] = hex.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = rest === undefined || rest === '' ? [] : rest.split(':');
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  const bytes = new Uint8Array(16);
  groups.forEach((group, i) => {
    const value = Number.parseInt(group, 16);
    bytes[2 * i] = value >> 8;
    bytes[2 * i + 1] = value & 0xff;
  });
  return bytes;
}

/** An address from 4 or 16 bytes; 16 bytes that are v4-mapped give IPv4. The bytes are copied. */
export function ipFromBytes(bytes: Uint8Array): Ip {
  if (bytes.length === 4) return { family: 4, bytes: Uint8Array.from(bytes) };
  if (mappedPrefix.every((b, i) => bytes[i] === b))
    return { family: 4, bytes: Uint8Array.from(bytes.subarray(12, 16)) };
  return { family: 6, bytes: Uint8Array.from(bytes.subarray(0, 16)) };
}

/** The 16 bytes that stand for the address in maps. */
export function mappedBytes(ip: Ip): Uint8Array {
  if (ip.family === 6) return ip.bytes;
  const bytes = new Uint8Array(16);
  bytes.set(mappedPrefix);
  bytes.set(ip.bytes, 12);
  return bytes;
}

export function formatIp(ip: Ip): string {
  const { family, bytes } = ip;
  return family === 4 ? `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` : formatIpv6(bytes);
}

/** RFC 5952: lower case, the longest run of two or more zero groups (the first of equals) as `::`. */
function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.start < 0) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}

export function equalIp(a: Ip, b: Ip): boolean {
  return a.family === b.family && a.bytes.every((byte, i) => byte === b.bytes[i]);
}

/** Order: IPv4 before IPv6, then by value. */
export function compareIp(a: Ip, b: Ip): number {
  return a.family - b.family || Buffer.compare(a.bytes, b.bytes);
}

export function ipToBigInt(ip: Ip): bigint {
  return BigInt(`0x${Buffer.from(ip.bytes).toString('hex')}`);
}

/** @throws RangeError when the value does not fit the family. */
export function ipFromBigInt(family: Family, value: bigint): Ip {
  const width = family === 4 ? 4 : 16;
  if (value < 0n || value >> BigInt(8 * width) !== 0n)
    throw new RangeError(`${value} is no IPv${family} address`);
  return { family, bytes: Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * width, '0'), 'hex')) };
}

export function isLoopback(ip: Ip): boolean {
  return ip.family === 4 ? ip.bytes[0] === 127 : ip.bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

export function isUnspecified(ip: Ip): boolean {
  return ip.bytes.every((byte) => byte === 0);
}

export function isLinkLocal(ip: Ip): boolean {
  const [a, b] = ip.bytes as unknown as [number, number];
  return ip.family === 4 ? a === 169 && b === 254 : a === 0xfe && (b & 0xc0) === 0x80;
}

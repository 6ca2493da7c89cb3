/** Reads a packet back into what `packet.ts` writes, every checksum judged; refuses what is too short. */
import { TendrilError } from '../util/errors.ts';
import { pseudoHeaderSum, sumsUp } from './checksum.ts';
import { crc32c } from './crc32c.ts';
import { formatIp, type Ip, ipFromBytes } from './ip.ts';
import { formatMac } from './mac.ts';
import {
  etherTypes,
  extensionNumbers,
  type Fragment,
  protocols,
  sctpChunks,
  tcpFlagLetters,
} from './packet.ts';

export interface DecodedIp {
  src: Ip;
  dst: Ip;
  ttl: number;
  /** The transport protocol, extension headers skipped. */
  protocol: number;
  dontFragment: boolean;
  fragment?: Fragment;
  /** IPv4 options or IPv6 extension headers, in bytes. */
  extraLength: number;
  checksumOk: boolean;
}

export interface DecodedTransport {
  sport: number;
  dport: number;
  /** TCP's letters, or the name of SCTP's first chunk. */
  flags?: string;
  seq?: number;
  ack?: number;
  checksumOk: boolean;
}

export interface DecodedIcmp {
  type: number;
  code: number;
  rest: number;
  checksumOk: boolean;
  /** The packet that an error quotes, as far as it goes; its checksums are not judged where it is cut. */
  quoted?: DecodedPacket;
}

export interface DecodedPacket {
  ethernet?: { src: string; dst: string; type: number; vlan?: number };
  ip?: DecodedIp;
  transport?: DecodedTransport;
  icmp?: DecodedIcmp;
  payload: Uint8Array;
}

/** @throws TendrilError BAD_INPUT where a header is cut or contradicts itself */
export function decodePacket(bytes: Uint8Array): DecodedPacket {
  need(bytes, 14, 'Ethernet header');
  const view = viewOf(bytes);
  const tagged = view.getUint16(12) === etherTypes.vlan;
  if (tagged) need(bytes, 18, 'VLAN tag');
  const at = tagged ? 18 : 14;
  const type = view.getUint16(at - 2);
  const ethernet = {
    dst: formatMac(bytes.slice(0, 6)),
    src: formatMac(bytes.slice(6, 12)),
    type,
    ...(tagged && { vlan: view.getUint16(14) }),
  };
  const content = bytes.subarray(at);
  if (type !== etherTypes.ipv4 && type !== etherTypes.ipv6) return { ethernet, payload: content };
  return { ethernet, ...decodeDatagram(content) };
}

/** As decodePacket, from the IP header on. `cut`: a quote, which may end anywhere after 8 bytes of transport. */
export function decodeDatagram(bytes: Uint8Array, cut = false): DecodedPacket {
  need(bytes, 20, 'IP header');
  const { ip, start, end } = bytes[0]! >> 4 === 4 ? decodeIpv4(bytes) : decodeIpv6(bytes);
  if (!cut) need(bytes, end, 'IP packet');
  const content = bytes.subarray(start, Math.min(end, bytes.length));
  if ((ip.fragment?.offset ?? 0) > 0) return { ip, payload: content };
  if (ip.protocol === protocols.sctp) return { ip, ...decodeSctp(content, cut) };
  if (ip.protocol === protocols.tcp || ip.protocol === protocols.udp)
    return { ip, ...decodePorts(ip, content, cut) };
  if (ip.protocol === protocols.icmp || ip.protocol === protocols.icmpv6)
    return { ip, ...decodeIcmp(ip, content) };
  return { ip, payload: content };
}

interface IpResult {
  ip: DecodedIp;
  start: number;
  end: number;
}

function decodeIpv4(bytes: Uint8Array): IpResult {
  const view = viewOf(bytes);
  const start = (bytes[0]! & 0xf) * 4;
  if (start < 20) throw new TendrilError('BAD_INPUT', `an IPv4 header of ${start} bytes`);
  need(bytes, start, 'IPv4 header');
  const position = view.getUint16(6);
  const offset = (position & 0x1fff) * 8;
  const more = (position & 0x2000) !== 0;
  const ip: DecodedIp = {
    src: ipFromBytes(bytes.subarray(12, 16)),
    dst: ipFromBytes(bytes.subarray(16, 20)),
    ttl: bytes[8]!,
    protocol: bytes[9]!,
    dontFragment: (position & 0x4000) !== 0,
    ...((offset > 0 || more) && { fragment: { id: view.getUint16(4), offset, more } }),
    extraLength: start - 20,
    checksumOk: sumsUp(bytes.subarray(0, start)),
  };
  return { ip, start, end: view.getUint16(2) };
}

function decodeIpv6(bytes: Uint8Array): IpResult {
  need(bytes, 40, 'IPv6 header');
  if (bytes[0]! >> 4 !== 6) throw new TendrilError('BAD_INPUT', `IP version ${bytes[0]! >> 4}`);
  const view = viewOf(bytes);
  const skippable: number[] = Object.values(extensionNumbers);
  let protocol = bytes[6]!;
  let start = 40;
  let fragment: Fragment | undefined;
  while (skippable.includes(protocol) && (fragment?.offset ?? 0) === 0) {
    need(bytes, start + 8, 'extension header');
    const position = view.getUint16(start + 2);
    const isFragment = protocol === extensionNumbers.fragment;
    if (isFragment)
      fragment = { id: view.getUint32(start + 4), offset: position & 0xfff8, more: (position & 1) !== 0 };
    protocol = bytes[start]!;
    start += isFragment ? 8 : (bytes[start + 1]! + 1) * 8;
  }
  const ip: DecodedIp = {
    src: ipFromBytes(bytes.subarray(8, 24)),
    dst: ipFromBytes(bytes.subarray(24, 40)),
    ttl: bytes[7]!,
    protocol,
    dontFragment: true,
    ...(fragment && { fragment }),
    extraLength: start - 40,
    checksumOk: true,
  };
  return { ip, start, end: 40 + view.getUint16(4) };
}

function decodePorts(ip: DecodedIp, content: Uint8Array, cut: boolean) {
  const tcp = ip.protocol === protocols.tcp;
  need(content, tcp && !cut ? 20 : 8, 'transport header');
  const view = viewOf(content);
  const ports = { sport: view.getUint16(0), dport: view.getUint16(2) };
  if (!tcp) {
    const none = view.getUint16(6) === 0 && ip.src.family === 4;
    const checksumOk = none || transportSumsUp(ip, content);
    return { transport: { ...ports, checksumOk }, payload: content.subarray(8) };
  }
  const header = content.length > 12 ? (content[12]! >> 4) * 4 : 20;
  const flags = [...tcpFlagLetters].filter((_, bit) => (content[13] ?? 0) & (1 << bit)).join('');
  const numbers = { seq: view.getUint32(4), ack: content.length >= 12 ? view.getUint32(8) : 0 };
  return {
    transport: { ...ports, flags, ...numbers, checksumOk: transportSumsUp(ip, content) },
    payload: content.subarray(header),
  };
}

function decodeSctp(content: Uint8Array, cut: boolean) {
  need(content, cut ? 8 : 16, 'SCTP header');
  const view = viewOf(content);
  const ports = { sport: view.getUint16(0), dport: view.getUint16(2) };
  if (cut) return { transport: { ...ports, checksumOk: true }, payload: content.subarray(8) };
  const flags = Object.entries(sctpChunks).find(([, number]) => number === content[12])?.[0];
  const bare = Uint8Array.from(content).fill(0, 8, 12);
  const checksumOk = view.getUint32(8, true) === crc32c(bare);
  return { transport: { ...ports, ...(flags && { flags }), checksumOk }, payload: content.subarray(16) };
}

/** Fragments and cut packets cannot be judged alone. */
function transportSumsUp(ip: DecodedIp, content: Uint8Array): boolean {
  return sumsUp(content, pseudoHeaderSum(ip, ip.protocol, content.length));
}

/** Types that quote the packet they are about (RFC 792; RFC 4443, section 2.1: all below 128). */
export function isIcmpError(protocol: number, type: number): boolean {
  return protocol === protocols.icmp ? [3, 4, 5, 11, 12].includes(type) : type < 128;
}

function decodeIcmp(ip: DecodedIp, content: Uint8Array) {
  need(content, 8, 'ICMP header');
  const start = ip.protocol === protocols.icmpv6 ? pseudoHeaderSum(ip, ip.protocol, content.length) : 0;
  const [type, code] = [content[0]!, content[1]!];
  const payload = content.subarray(8);
  const quoted = isIcmpError(ip.protocol, type) ? decodeQuote(payload) : undefined;
  const rest = viewOf(content).getUint32(4);
  return {
    icmp: { type, code, rest, checksumOk: sumsUp(content, start), ...(quoted && { quoted }) },
    payload,
  };
}

function decodeQuote(payload: Uint8Array): DecodedPacket | undefined {
  try {
    return decodeDatagram(payload, true);
  } catch {
    return undefined;
  }
}

/** One line: `10.0.0.1|4000 > 10.0.0.2|80 tcp S ttl 64`, wrong checksums named. What tests compare. */
export function describePacket(decoded: DecodedPacket): string {
  const { ip, transport, icmp } = decoded;
  if (ip === undefined) return `ethertype ${decoded.ethernet?.type.toString(16)}`;
  const name = Object.entries(protocols).find(([, number]) => number === ip.protocol)?.[0] ?? ip.protocol;
  const at = (address: Ip, port: number | undefined) =>
    port === undefined ? formatIp(address) : `${formatIp(address)}|${port}`;
  const words = [at(ip.src, transport?.sport), '>', at(ip.dst, transport?.dport), String(name)];
  if (transport?.flags !== undefined) words.push(transport.flags);
  if (icmp !== undefined) words.push(`${icmp.type}/${icmp.code}`);
  if (ip.fragment) words.push(`fragment ${ip.fragment.offset}${ip.fragment.more ? '+' : ''}`);
  words.push(`ttl ${ip.ttl}`);
  if (!ip.checksumOk) words.push('BAD IP CHECKSUM');
  const judged = (ip.fragment === undefined && transport) || icmp;
  if (judged && !judged.checksumOk) words.push('BAD CHECKSUM');
  return icmp?.quoted ? `${words.join(' ')} [${describeQuote(icmp.quoted)}]` : words.join(' ');
}

/** A quote is cut: only its IP checksum can be judged. */
function describeQuote(quoted: DecodedPacket): string {
  const transport = quoted.transport && { ...quoted.transport, checksumOk: true };
  return describePacket({ ...quoted, ...(transport && { transport }) });
}

function need(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length < length) {
    throw new TendrilError('BAD_INPUT', `${what} needs ${length} bytes, there are ${bytes.length}`);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

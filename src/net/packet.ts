/**
 * Packets for tests and probes, built layer by layer, every checksum and length right unless told otherwise:
 *
 *     packet().ip('10.0.0.1', '10.0.0.2', { ttl: 3 }).tcp(40000, 80, { flags: 'S' }).bytes()
 *
 * A builder is immutable: each call gives a new one. `packet-decode.ts` reads the bytes back.
 */
import { checksum, pseudoHeaderSum } from './checksum.ts';
import { crc32c } from './crc32c.ts';
import { type Ip, parseIp } from './ip.ts';
import { type Mac, parseMac } from './mac.ts';

export const etherTypes = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, ipv6: 0x86dd } as const;
export const protocols = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;
export const extensionNumbers = { hopByHop: 0, routing: 43, fragment: 44, destination: 60 } as const;
/** From the lowest bit of byte 13 of a TCP header: FIN, SYN, RST, PSH, ACK, URG. */
export const tcpFlagLetters = 'FSRPAU';

export interface EthernetOptions {
  src?: string;
  dst?: string;
  /** 802.1Q tag. */
  vlan?: number;
  /** EtherType, where it is not the IP layer's. */
  type?: number;
}

export interface Fragment {
  id: number;
  /** Bytes from the start of the datagram's payload; a multiple of 8. */
  offset: number;
  more: boolean;
}

export interface IpOptions {
  ttl?: number;
  /** IPv4: do not fragment. Default true. */
  dontFragment?: boolean;
  fragment?: Fragment;
  /** IPv4 options, a multiple of 4 bytes. */
  options?: Uint8Array;
  /** IPv6 extension headers, in order; each is padded to its shortest length. */
  extensions?: (keyof Omit<typeof extensionNumbers, 'fragment'>)[];
  /** Options of IPv6 in each of `extensions`, instead of padding: 6 bytes, or a multiple of 8 more. */
  extensionOptions?: Uint8Array;
  /** Next protocol, where it is not the following layer's. */
  protocol?: number;
  /** Written instead of the right one. */
  checksum?: number;
  /** IPv4's total length or IPv6's payload length, instead of the right one. */
  length?: number;
}

export interface TcpOptions {
  /** Letters of FSRPAU. Default A. */
  flags?: string;
  seq?: number;
  ack?: number;
  checksum?: number;
  /** Bytes between header and payload, a multiple of four. */
  options?: Uint8Array;
}

/** Types of SCTP's chunks (RFC 9260, section 3.2). */
export const sctpChunks = {
  DATA: 0,
  INIT: 1,
  'INIT-ACK': 2,
  SACK: 3,
  ABORT: 6,
  SHUTDOWN: 7,
  'SHUTDOWN-ACK': 8,
  'COOKIE-ECHO': 10,
  'COOKIE-ACK': 11,
  'SHUTDOWN-COMPLETE': 14,
} as const;

export interface SctpOptions {
  /** The first chunk, which the payload is the content of. Default DATA. */
  chunk?: keyof typeof sctpChunks;
  tag?: number;
  checksum?: number;
}

export interface IcmpOptions {
  /** The second word of the header: an MTU, an echo's identifier and number. */
  rest?: number;
  checksum?: number;
}

interface IpLayer extends IpOptions {
  src: Ip;
  dst: Ip;
}

/** Bytes of the transport header and payload, given what its pseudo header is. */
type Transport = (payload: Uint8Array, ip: IpLayer) => Uint8Array;

interface Layers {
  ethernet?: EthernetOptions | 'none';
  ip?: IpLayer;
  protocol?: number;
  transport?: Transport;
  payload: Uint8Array;
}

export function packet(ethernet: EthernetOptions = {}): PacketBuilder {
  return new PacketBuilder({ ethernet, payload: new Uint8Array() });
}

/** A packet without an Ethernet header, as ICMP errors quote it. */
export function datagram(): PacketBuilder {
  return new PacketBuilder({ ethernet: 'none', payload: new Uint8Array() });
}

export class PacketBuilder {
  readonly #layers: Layers;

  constructor(layers: Layers) {
    this.#layers = layers;
  }

  ip(src: string, dst: string, options: IpOptions = {}): PacketBuilder {
    return this.#with({ ip: { src: parseIp(src), dst: parseIp(dst), ...options } });
  }

  tcp(sport: number, dport: number, options: TcpOptions = {}): PacketBuilder {
    return this.#with({ protocol: protocols.tcp, transport: tcpLayer(sport, dport, options) });
  }

  /** `checksum: 0` sends none (RFC 768). */
  udp(sport: number, dport: number, options: { checksum?: number } = {}): PacketBuilder {
    return this.#with({ protocol: protocols.udp, transport: udpLayer(sport, dport, options) });
  }

  sctp(sport: number, dport: number, options: SctpOptions = {}): PacketBuilder {
    return this.#with({ protocol: protocols.sctp, transport: sctpLayer(sport, dport, options) });
  }

  /** ICMP or ICMPv6, by the family of the IP layer. */
  icmp(type: number, code: number, options: IcmpOptions = {}): PacketBuilder {
    const v6 = this.#layers.ip?.src.family === 6;
    return this.#with({
      protocol: v6 ? protocols.icmpv6 : protocols.icmp,
      transport: icmpLayer(type, code, options),
    });
  }

  payload(content: string | Uint8Array): PacketBuilder {
    return this.#with({ payload: typeof content === 'string' ? Buffer.from(content) : content });
  }

  /** What an ICMP error is about: `keep` bytes of that packet, all by default. */
  quote(about: PacketBuilder, keep?: number): PacketBuilder {
    return this.payload(about.#ipBytes().subarray(0, keep));
  }

  bytes(): Uint8Array {
    return this.#framed(this.#ipBytes());
  }

  /** The datagram in fragments that carry at most `size` bytes (a multiple of 8) each. */
  fragments(size: number, id = 1): Uint8Array[] {
    const whole = this.#transportBytes();
    const { ip } = this.#layers;
    const parts: Uint8Array[] = [];
    for (let offset = 0; offset < whole.length; offset += size) {
      const fragment = { id, offset, more: offset + size < whole.length };
      const layer = { ...ip!, dontFragment: false, fragment };
      parts.push(this.#framed(ipLayer(layer, this.#nextProtocol(), whole.subarray(offset, offset + size))));
    }
    return parts;
  }

  #with(layers: Partial<Layers>): PacketBuilder {
    return new PacketBuilder({ ...this.#layers, ...layers });
  }

  #nextProtocol(): number {
    return this.#layers.ip?.protocol ?? this.#layers.protocol ?? 59;
  }

  #transportBytes(): Uint8Array {
    const { transport, payload, ip } = this.#layers;
    return transport ? transport(payload, ip!) : payload;
  }

  #ipBytes(): Uint8Array {
    const { ip } = this.#layers;
    return ip ? ipLayer(ip, this.#nextProtocol(), this.#transportBytes()) : this.#transportBytes();
  }

  #framed(content: Uint8Array): Uint8Array {
    const { ethernet, ip } = this.#layers;
    if (ethernet === 'none') return content;
    const type = ip?.src.family === 6 ? etherTypes.ipv6 : etherTypes.ipv4;
    return Buffer.concat([ethernetHeader(ethernet ?? {}, type), content]);
  }
}

function ethernetHeader(options: EthernetOptions, type: number): Uint8Array {
  const mac = (text: string | undefined, last: number): Mac =>
    text === undefined ? Uint8Array.of(2, 0, 0, 0, 0, last) : parseMac(text);
  const tag = options.vlan === undefined ? [] : words(etherTypes.vlan, options.vlan);
  return Uint8Array.of(
    ...mac(options.dst, 1),
    ...mac(options.src, 2),
    ...tag,
    ...words(options.type ?? type),
  );
}

function words(...values: number[]): number[] {
  return values.flatMap((value) => [(value >> 8) & 0xff, value & 0xff]);
}

function ipLayer(ip: IpLayer, protocol: number, content: Uint8Array): Uint8Array {
  return ip.src.family === 4 ? ipv4(ip, protocol, content) : ipv6(ip, protocol, content);
}

function ipv4(ip: IpLayer, protocol: number, content: Uint8Array): Uint8Array {
  const { options = new Uint8Array(), fragment, ttl = 64, dontFragment = true } = ip;
  const header = new Uint8Array(20 + options.length);
  const view = new DataView(header.buffer);
  header[0] = 0x40 | (header.length / 4);
  view.setUint16(2, ip.length ?? header.length + content.length);
  view.setUint16(4, fragment?.id ?? 0);
  const position = fragment ? fragment.offset / 8 + (fragment.more ? 0x2000 : 0) : 0;
  view.setUint16(6, position | (dontFragment ? 0x4000 : 0));
  header.set([ttl, protocol], 8);
  header.set(ip.src.bytes, 12);
  header.set(ip.dst.bytes, 16);
  header.set(options, 20);
  view.setUint16(10, ip.checksum ?? checksum(header));
  return Buffer.concat([header, content]);
}

function ipv6(ip: IpLayer, protocol: number, content: Uint8Array): Uint8Array {
  const kinds = [...(ip.extensions ?? []), ...(ip.fragment ? (['fragment'] as const) : [])];
  const extensions = kinds.map((kind, i) => {
    const following = kinds[i + 1];
    const next = following === undefined ? protocol : extensionNumbers[following];
    return kind === 'fragment' ? fragmentHeader(next, ip.fragment!) : extension(next, ip.extensionOptions);
  });
  const body = Buffer.concat([...extensions, content]);
  const header = new Uint8Array(40);
  header[0] = 0x60;
  new DataView(header.buffer).setUint16(4, ip.length ?? body.length);
  header.set([kinds[0] === undefined ? protocol : extensionNumbers[kinds[0]], ip.ttl ?? 64], 6);
  header.set(ip.src.bytes, 8);
  header.set(ip.dst.bytes, 24);
  return Buffer.concat([header, body]);
}

/** By default of 8 bytes that hold a PadN option only (RFC 8200, section 4.2). */
function extension(next: number, options: Uint8Array = Uint8Array.of(1, 4, 0, 0, 0, 0)): Uint8Array {
  return Uint8Array.of(next, (options.length - 6) / 8, ...options);
}

function fragmentHeader(next: number, fragment: Fragment): Uint8Array {
  const header = new Uint8Array(8);
  header[0] = next;
  const view = new DataView(header.buffer);
  view.setUint16(2, fragment.offset | (fragment.more ? 1 : 0));
  view.setUint32(4, fragment.id);
  return header;
}

function withChecksum(
  bytes: Uint8Array,
  at: number,
  options: { given?: number | undefined; start?: number },
): void {
  new DataView(bytes.buffer).setUint16(at, options.given ?? checksum(bytes, options.start));
}

function tcpLayer(sport: number, dport: number, options: TcpOptions): Transport {
  return (payload, ip) => {
    const more = options.options ?? new Uint8Array();
    const bytes = new Uint8Array(20 + more.length + payload.length);
    bytes.set(words(sport, dport));
    const view = new DataView(bytes.buffer);
    view.setUint32(4, options.seq ?? 0);
    view.setUint32(8, options.ack ?? 0);
    bytes[12] = (5 + more.length / 4) << 4;
    for (const letter of options.flags ?? 'A') bytes[13]! |= 1 << tcpFlagLetters.indexOf(letter);
    view.setUint16(14, 0xffff);
    bytes.set(more, 20);
    bytes.set(payload, 20 + more.length);
    const start = pseudoHeaderSum(ip, protocols.tcp, bytes.length);
    withChecksum(bytes, 16, { given: options.checksum, start });
    return bytes;
  };
}

function udpLayer(sport: number, dport: number, options: { checksum?: number }): Transport {
  return (payload, ip) => {
    const bytes = new Uint8Array(8 + payload.length);
    bytes.set(words(sport, dport, bytes.length));
    bytes.set(payload, 8);
    const start = pseudoHeaderSum(ip, protocols.udp, bytes.length);
    // A computed zero is sent as its other form: zero means none.
    withChecksum(bytes, 6, { given: options.checksum ?? (checksum(bytes, start) || 0xffff), start });
    return bytes;
  };
}

function sctpLayer(sport: number, dport: number, options: SctpOptions): Transport {
  return (payload) => {
    // Chunks are padded to four bytes, which their length leaves out.
    const bytes = new Uint8Array(16 + Math.ceil(payload.length / 4) * 4);
    bytes.set(words(sport, dport));
    const view = new DataView(bytes.buffer);
    view.setUint32(4, options.tag ?? 0);
    bytes[12] = sctpChunks[options.chunk ?? 'DATA'];
    view.setUint16(14, 4 + payload.length);
    bytes.set(payload, 16);
    view.setUint32(8, options.checksum ?? crc32c(bytes), options.checksum === undefined);
    return bytes;
  };
}

function icmpLayer(type: number, code: number, options: IcmpOptions): Transport {
  return (payload, ip) => {
    const bytes = new Uint8Array(8 + payload.length);
    bytes.set([type, code]);
    new DataView(bytes.buffer).setUint32(4, options.rest ?? 0);
    bytes.set(payload, 8);
    const start = ip.src.family === 6 ? pseudoHeaderSum(ip, protocols.icmpv6, bytes.length) : 0;
    withChecksum(bytes, 2, { given: options.checksum, start });
    return bytes;
  };
}

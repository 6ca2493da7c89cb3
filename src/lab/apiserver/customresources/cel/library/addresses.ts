/** ip(), cidr() and what is asked of them (apiserver, cel/library/ip.go and cidr.go). */
import { type Cidr, cidrContains, cidrOf, familyBits } from '../../../../../net/cidr.ts';
import {
  compareIp,
  formatIp,
  type Ip,
  isLinkLocal,
  isLoopback,
  isUnspecified,
  tryParseIp,
} from '../../../../../net/ip.ts';
import type { Library } from './library.ts';

class IpAddress {
  readonly ip: Ip;

  constructor(ip: Ip) {
    this.ip = ip;
  }

  equals(other: unknown): boolean {
    return (
      other instanceof IpAddress && other.ip.family === this.ip.family && compareIp(other.ip, this.ip) === 0
    );
  }
}

/** An address with the length of its network's prefix; host bits may be set. */
class Network {
  readonly ip: Ip;
  readonly prefix: number;

  constructor(ip: Ip, prefix: number) {
    this.ip = ip;
    this.prefix = prefix;
  }

  get block(): Cidr {
    return cidrOf(this.ip, this.prefix);
  }

  equals(other: unknown): boolean {
    return (
      other instanceof Network &&
      other.prefix === this.prefix &&
      other.ip.family === this.ip.family &&
      compareIp(other.ip, this.ip) === 0
    );
  }
}

/** IPv4 within IPv6 is no address here. */
function readIp(text: string): Ip | undefined {
  const ip = tryParseIp(text);
  return ip?.family === 4 && text.includes(':') ? undefined : ip;
}

function toIp(text: string): IpAddress {
  const ip = readIp(text);
  if (ip === undefined)
    throw new Error(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
  return new IpAddress(ip);
}

function readNetwork(text: string): Network | undefined {
  const [, address = '', prefix] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const ip = readIp(address);
  if (ip === undefined || Number(prefix) > familyBits(ip.family)) return undefined;
  return new Network(ip, Number(prefix));
}

function toNetwork(text: string): Network {
  const network = readNetwork(text);
  if (network === undefined) throw new Error('network address parse error during conversion from string');
  return network;
}

const containsIp = ({ block }: Network, { ip }: IpAddress) => cidrContains(block, ip);
const containsNetwork = ({ block }: Network, other: Network) =>
  block.prefix <= other.prefix && cidrContains(block, other.ip);

const isLinkLocalMulticast = ({ family, bytes }: Ip) =>
  family === 4
    ? bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0
    : bytes[0] === 0xff && (bytes[1]! & 0x0f) === 2;

/** As Go has it: whatever is neither multicast nor local to a link or a host, or the broadcast address. */
function isGlobalUnicast(ip: Ip): boolean {
  const { family, bytes } = ip;
  const multicast = family === 4 ? bytes[0]! >> 4 === 14 : bytes[0] === 0xff;
  const broadcast = family === 4 && bytes.every((b) => b === 255);
  return !(isUnspecified(ip) || isLoopback(ip) || isLinkLocal(ip) || multicast || broadcast);
}

export const addresses: Library = {
  types: { 'net.IP': IpAddress, 'net.CIDR': Network },
  namespaces: {
    ip: { 'isCanonical(string): bool': (text: string) => formatIp(toIp(text).ip) === text },
  },
  functions: {
    'ip(string): net.IP': toIp,
    'isIP(string): bool': (text: string) => readIp(text) !== undefined,
    'string(net.IP): string': ({ ip }: IpAddress) => formatIp(ip),
    'net.IP.family(): int': ({ ip }: IpAddress) => BigInt(ip.family),
    'net.IP.isUnspecified(): bool': ({ ip }: IpAddress) => isUnspecified(ip),
    'net.IP.isLoopback(): bool': ({ ip }: IpAddress) => isLoopback(ip),
    'net.IP.isLinkLocalMulticast(): bool': ({ ip }: IpAddress) => isLinkLocalMulticast(ip),
    'net.IP.isLinkLocalUnicast(): bool': ({ ip }: IpAddress) => isLinkLocal(ip),
    'net.IP.isGlobalUnicast(): bool': ({ ip }: IpAddress) => isGlobalUnicast(ip),
    'cidr(string): net.CIDR': toNetwork,
    'isCIDR(string): bool': (text: string) => readNetwork(text) !== undefined,
    'string(net.CIDR): string': ({ ip, prefix }: Network) => `${formatIp(ip)}/${prefix}`,
    'net.CIDR.containsIP(string): bool': (network: Network, text: string) => containsIp(network, toIp(text)),
    'net.CIDR.containsIP(net.IP): bool': containsIp,
    'net.CIDR.containsCIDR(string): bool': (network: Network, text: string) =>
      containsNetwork(network, toNetwork(text)),
    'net.CIDR.containsCIDR(net.CIDR): bool': containsNetwork,
    'net.CIDR.ip(): net.IP': ({ ip }: Network) => new IpAddress(ip),
    'net.CIDR.prefixLength(): int': ({ prefix }: Network) => BigInt(prefix),
    'net.CIDR.masked(): net.CIDR': ({ block }: Network) => new Network(block.ip, block.prefix),
  },
};

/** Addresses of interfaces: RTM_NEWADDR and its kin, struct ifaddrmsg. */
import { formatIp, type Ip, ipFromBytes } from '../../net/ip.ts';
import { concat, decodeAttributes, headerView, malformed, raw, readU32, u32 } from './attribute.ts';
import type { Address } from './route-netlink.ts';

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;
const IFA_F_TENTATIVE = 0x40;
const headerSize = 8;
const scopeHost = 254;

const AF_INET = 2;
const AF_INET6 = 10;
export const familyNumber = (family: 4 | 6): number => (family === 4 ? AF_INET : AF_INET6);
export const familyOf = (number: number): 4 | 6 | undefined =>
  number === AF_INET ? 4 : number === AF_INET6 ? 6 : undefined;

/** The scope the kernel would have, where none is asked for: as iproute2 does, host for 127.0.0.0/8. */
export function addressScope(address: Address): number {
  return address.scope ?? (address.ip.family === 4 && address.ip.bytes[0] === 127 ? scopeHost : 0);
}

export function encodeAddress(address: Address): Uint8Array {
  const { ip, prefix, link } = address;
  const header = new Uint8Array(headerSize);
  header[0] = familyNumber(ip.family);
  header[1] = prefix;
  header[3] = addressScope(address);
  new DataView(header.buffer).setUint32(4, link, true);
  return concat(header, [
    raw(IFA_LOCAL, ip.bytes),
    raw(IFA_ADDRESS, ip.bytes),
    address.noDad ? u32(IFA_FLAGS, IFA_F_NODAD) : undefined,
  ]);
}

/** The header alone, for a dump: the kernel gives only what fits. */
export function encodeAddressFilter(filter: { link?: number; family?: 4 | 6 }): Uint8Array {
  const header = new Uint8Array(headerSize);
  header[0] = filter.family === undefined ? 0 : familyNumber(filter.family);
  new DataView(header.buffer).setUint32(4, filter.link ?? 0, true);
  return header;
}

/** Undefined for families other than IPv4 and IPv6. @throws KernelError EBADMSG */
export function decodeAddress(payload: Uint8Array): Address | undefined {
  const header = headerView(payload, headerSize);
  const family = familyOf(header.getUint8(0));
  if (family === undefined) return undefined;
  const attributes = decodeAttributes(payload.subarray(headerSize));
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (bytes === undefined) throw malformed('address');
  const ip = ipOf(family, bytes);
  const flags = attributes.has(IFA_FLAGS) ? readU32(attributes.get(IFA_FLAGS)!) : header.getUint8(2);
  return {
    link: header.getUint32(4, true),
    ip,
    prefix: header.getUint8(1),
    scope: header.getUint8(3),
    ...(family === 6 && (flags & IFA_F_NODAD) !== 0 ? { noDad: true } : {}),
    ...((flags & IFA_F_TENTATIVE) !== 0 ? { tentative: true } : {}),
  };
}

/** Exactly of the family: a v4-mapped address on an interface stays IPv6. @throws KernelError EBADMSG */
export function ipOf(family: 4 | 6, bytes: Uint8Array): Ip {
  if (bytes.length !== (family === 4 ? 4 : 16)) throw malformed('address');
  return family === 4 ? ipFromBytes(bytes) : { family, bytes: Uint8Array.from(bytes) };
}

export function describeAddress(address: Address): string {
  return `${formatIp(address.ip)}/${address.prefix} on link ${address.link}`;
}

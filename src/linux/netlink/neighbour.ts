/** Neighbours (ARP and NDP entries): RTM_NEWNEIGH and its kin, struct ndmsg (arp(7)). */
import { formatIp } from '../../net/ip.ts';
import { familyNumber, familyOf, ipOf } from './address.ts';
import { concat, decodeAttributes, headerView, raw, when } from './attribute.ts';
import type { Neighbour } from './route-netlink.ts';

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;

const NDA_DST = 1;
const NDA_LLADDR = 2;
const NTF_PROXY = 0x08;
const headerSize = 12;

/** NUD_* */
const stateNumbers: Record<Neighbour['state'], number> = {
  none: 0,
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  failed: 0x20,
  noarp: 0x40,
  permanent: 0x80,
};
const statesByNumber = new Map(
  Object.entries(stateNumbers).map(([name, number]) => [number, name as Neighbour['state']]),
);

export function encodeNeighbour(neighbour: Neighbour): Uint8Array {
  const header = encodeHeader(familyNumber(neighbour.ip.family), neighbour.proxy === true);
  const view = new DataView(header.buffer);
  view.setUint32(4, neighbour.link, true);
  view.setUint16(8, stateNumbers[neighbour.state], true);
  return concat(header, [
    raw(NDA_DST, neighbour.ip.bytes),
    when(neighbour.mac, (mac) => raw(NDA_LLADDR, mac)),
  ]);
}

/** For a dump: either the proxy entries or the ordinary ones. */
export function encodeNeighbourFilter(filter: { proxy: boolean }): Uint8Array {
  return encodeHeader(0, filter.proxy);
}

function encodeHeader(family: number, proxy: boolean): Uint8Array {
  const header = new Uint8Array(headerSize);
  header[0] = family;
  header[10] = proxy ? NTF_PROXY : 0;
  return header;
}

/** Undefined for entries without an IP address (bridge forwarding). @throws KernelError EBADMSG */
export function decodeNeighbour(payload: Uint8Array): Neighbour | undefined {
  const header = headerView(payload, headerSize);
  const family = familyOf(header.getUint8(0));
  const attributes = decodeAttributes(payload.subarray(headerSize));
  const address = attributes.get(NDA_DST);
  if (family === undefined || address === undefined) return undefined;
  const neighbour: Neighbour = {
    link: header.getUint32(4, true),
    ip: ipOf(family, address),
    state: statesByNumber.get(header.getUint16(8, true)) ?? 'none',
  };
  const mac = attributes.get(NDA_LLADDR);
  if (mac?.length === 6) neighbour.mac = Uint8Array.from(mac);
  if ((header.getUint8(10) & NTF_PROXY) !== 0) neighbour.proxy = true;
  return neighbour;
}

export function describeNeighbour(neighbour: Neighbour): string {
  return `${neighbour.proxy ? 'proxy ' : ''}${formatIp(neighbour.ip)} on link ${neighbour.link}`;
}

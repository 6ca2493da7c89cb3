/** struct sockaddr_in and sockaddr_in6: family in the machine's order, port and address in network order. */
import { type Ip, ipFromBytes } from '../../net/ip.ts';
import { AF_INET, AF_INET6 } from '../ffi/constants.ts';

export interface Endpoint {
  ip: Ip;
  port: number;
}

/** `scope` is the interface index of a link-local address. */
export function encodeSocketAddress({ ip, port }: Endpoint, scope = 0): Uint8Array {
  const bytes = Buffer.alloc(ip.family === 4 ? 16 : 28);
  bytes.writeUInt16LE(ip.family === 4 ? AF_INET : AF_INET6, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(ip.bytes, ip.family === 4 ? 4 : 8);
  if (ip.family === 6) bytes.writeUInt32LE(scope, 24);
  return bytes;
}

/** A v4-mapped address gives IPv4. @throws RangeError for other families */
export function decodeSocketAddress(bytes: Uint8Array): Endpoint {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.readUInt16LE(0);
  if (family !== AF_INET && family !== AF_INET6) throw new RangeError(`socket address of family ${family}`);
  const ip = family === AF_INET ? view.subarray(4, 8) : view.subarray(8, 24);
  return { ip: ipFromBytes(ip), port: view.readUInt16BE(2) };
}

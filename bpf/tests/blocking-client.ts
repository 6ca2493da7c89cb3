/** Plain blocking sockets with a deadline, made where the calling thread is: short exchanges in tests. */
import { errnoName } from '../../src/linux/errno.ts';
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } from '../../src/linux/ffi/constants.ts';
import * as libc from '../../src/linux/ffi/libc.ts';
import { formatIp, type Ip, ipFromBytes, mappedBytes, parseIp } from '../../src/net/ip.ts';
import { connectWhole, uninterrupted } from './uninterrupted.ts';

const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;

export interface Exchange {
  /** What came back, or the name of the errno that ended it. */
  answer: string;
  /** The peer's name as the socket tells it: getpeername for streams, recvfrom for datagrams. */
  peer?: string;
}

export interface ExchangeOptions {
  protocol: 'TCP' | 'UDP';
  to: string;
  port: number;
  /** UDP with connect(), rather than sendto(). */
  connected?: boolean;
  /** An AF_INET6 socket, IPv4 as v4-mapped. */
  ipv6Socket?: boolean;
  payload?: string;
  /** The kernel's choice unless given. */
  sourcePort?: number;
  timeoutMs?: number;
}

export function exchange(options: ExchangeOptions): Exchange {
  const ip = parseIp(options.to);
  const v6 = ip.family === 6 || options.ipv6Socket === true;
  const fd = libc.must(
    libc.socket(v6 ? AF_INET6 : AF_INET, options.protocol === 'TCP' ? SOCK_STREAM : SOCK_DGRAM, 0),
    'socket',
  );
  try {
    setTimeouts(fd, options.timeoutMs ?? 5000);
    if (options.sourcePort !== undefined) bindTo(fd, options.sourcePort, v6);
    return talk(fd, sockaddr(ip, options.port, v6), options);
  } finally {
    libc.close(fd);
  }
}

export function setTimeouts(fd: number, ms: number): void {
  const timeout = new Uint8Array(16);
  const view = new DataView(timeout.buffer);
  view.setBigInt64(0, BigInt(Math.floor(ms / 1000)), true);
  view.setBigInt64(8, BigInt((ms % 1000) * 1000), true);
  for (const option of [SO_RCVTIMEO, SO_SNDTIMEO]) libc.setsockopt(fd, SOL_SOCKET, option, timeout, 16);
}

function talk(fd: number, address: Uint8Array, options: ExchangeOptions): Exchange {
  const payload = Buffer.from(options.payload ?? 'hello\n');
  const unconnected = options.protocol === 'UDP' && !options.connected;
  const sent = unconnected
    ? libc.sendto(fd, payload, payload.length, 0, address, address.length)
    : begin(fd, address, payload);
  if (sent < 0) return { answer: errnoName(-sent) };
  const buffer = Buffer.alloc(2048);
  const from = new Uint8Array(28);
  const size = Uint32Array.of(28);
  const got = uninterrupted(() => libc.recvfrom(fd, buffer, buffer.length, 0, from, size));
  if (got < 0) return { answer: errnoName(-got) };
  if (!unconnected) libc.getpeername(fd, from, size.fill(28));
  return { answer: buffer.toString('utf8', 0, got).trim(), peer: formatSockaddr(from) };
}

function begin(fd: number, address: Uint8Array, payload: Buffer): number {
  const result = connectWhole(fd, address);
  return result < 0 ? result : libc.send(fd, payload, payload.length, 0x4000 /* MSG_NOSIGNAL */);
}

function bindTo(fd: number, port: number, v6: boolean): void {
  const any = sockaddr(parseIp(v6 ? '::' : '0.0.0.0'), port, v6);
  libc.must(libc.bindSocket(fd, any, any.length), 'bind');
}

export function sockaddr(ip: Ip, port: number, v6: boolean): Uint8Array {
  const bytes = new Uint8Array(v6 ? 28 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, v6 ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port);
  bytes.set(v6 ? mappedBytes(ip) : ip.bytes, v6 ? 8 : 4);
  return bytes;
}

function formatSockaddr(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer);
  const v6 = view.getUint16(0, true) === AF_INET6;
  return `${formatIp(ipFromBytes(v6 ? bytes.slice(8, 24) : bytes.slice(4, 8)))}|${view.getUint16(2)}`;
}

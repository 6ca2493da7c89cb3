/** Raw sockets for what the kernel has no sockets of: SCTP packets by hand, on real networks. */
import { errnoName } from '../../src/linux/errno.ts';
import { AF_INET, AF_INET6, SOCK_RAW, SOL_SOCKET } from '../../src/linux/ffi/constants.ts';
import * as libc from '../../src/linux/ffi/libc.ts';
import { formatIp, type Ip, ipFromBytes, parseIp } from '../../src/net/ip.ts';
import { protocols } from '../../src/net/packet.ts';
import { uninterrupted } from './uninterrupted.ts';

const SO_RCVTIMEO = 20;
const SOCK_CLOEXEC = 0x80000;

/** Of the namespace of the thread that makes it, and of one protocol. */
export class RawSocket implements Disposable {
  readonly #fd: number;
  readonly #family: 4 | 6;

  constructor(family: 4 | 6, protocol: number = protocols.sctp, timeoutMs = 2000) {
    this.#family = family;
    const type = SOCK_RAW | SOCK_CLOEXEC;
    this.#fd = libc.must(libc.socket(family === 4 ? AF_INET : AF_INET6, type, protocol), 'socket');
    const timeout = new Uint8Array(16);
    const view = new DataView(timeout.buffer);
    view.setBigInt64(0, BigInt(Math.floor(timeoutMs / 1000)), true);
    view.setBigInt64(8, BigInt((timeoutMs % 1000) * 1000), true);
    libc.setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, timeout, 16);
  }

  /** The transport's header and what follows; the kernel puts an IP header before it. */
  send(to: string, bytes: Uint8Array): void {
    const address = sockaddr(parseIp(to));
    libc.must(libc.sendto(this.#fd, bytes, bytes.length, 0, address, address.length), 'sendto');
  }

  /** The next packet: whom it is from, and its bytes from the transport's header on. Or the errno that came instead. */
  receive(): { from: string; bytes: Uint8Array } | string {
    const buffer = Buffer.alloc(4096);
    const from = new Uint8Array(28);
    const got = uninterrupted(() =>
      libc.recvfrom(this.#fd, buffer, buffer.length, 0, from, Uint32Array.of(28)),
    );
    if (got < 0) return errnoName(-got);
    // IPv4's header is delivered with the packet (raw(7)), IPv6's is not.
    const start = this.#family === 4 ? (buffer[0]! & 0xf) * 4 : 0;
    const ip = ipFromBytes(this.#family === 4 ? from.slice(4, 8) : from.slice(8, 24));
    return { from: formatIp(ip), bytes: Uint8Array.from(buffer.subarray(start, got)) };
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}

function sockaddr(ip: Ip): Uint8Array {
  const bytes = new Uint8Array(ip.family === 6 ? 28 : 16);
  new DataView(bytes.buffer).setUint16(0, ip.family === 6 ? AF_INET6 : AF_INET, true);
  bytes.set(ip.bytes, ip.family === 6 ? 8 : 4);
  return bytes;
}

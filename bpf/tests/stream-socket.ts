/** TCP sockets by hand, made where the calling thread is: what one end does and the other sees, call by call. */
import { errnoName } from '../../src/linux/errno.ts';
import { withScratch } from '../../src/linux/ffi/arena.ts';
import {
  AF_INET,
  AF_INET6,
  IPPROTO_TCP,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../../src/linux/ffi/constants.ts';
import * as libc from '../../src/linux/ffi/libc.ts';
import { mappedBytes, parseIp } from '../../src/net/ip.ts';
import { connectWhole, uninterrupted } from './uninterrupted.ts';

const x64 = process.arch === 'x64';
const calls = {
  accept4: x64 ? 288 : 242,
  shutdown: x64 ? 48 : 210,
  poll: x64 ? 271 : 73,
  sendfile: x64 ? 40 : 71,
  splice: x64 ? 275 : 76,
  pipe2: x64 ? 293 : 59,
};
const SO_LINGER = 13;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const TCP_NODELAY = 1;
const TCP_REPAIR = 19;
const TCP_ULP = 31;
const SIOCINQ = 0x541b;

export const flags = {
  oob: 1,
  peek: 2,
  dontWait: 0x40,
  waitAll: 0x100,
  noSignal: 0x4000,
  zeroCopy: 0x4000000,
} as const;
export const events = { in: 1, pri: 2, out: 4, err: 8, hup: 16, rdHup: 0x2000 } as const;

export interface StreamAddress {
  ip: string;
  port: number;
  /** An AF_INET6 socket, IPv4 as v4-mapped. */
  ipv6Socket?: boolean;
}

export class StreamSocket implements Disposable {
  readonly fd: number;
  #open = true;

  constructor(fd: number) {
    this.fd = fd;
    const timeout = new Uint8Array(16);
    new DataView(timeout.buffer).setBigInt64(0, 2n, true);
    for (const option of [SO_RCVTIMEO, SO_SNDTIMEO])
      libc.must(libc.setsockopt(fd, SOL_SOCKET, option, timeout, 16), 'set timeout');
    this.setInt(IPPROTO_TCP, TCP_NODELAY, 1);
  }

  static listen(address: StreamAddress): StreamSocket {
    const socket = StreamSocket.#make(address);
    socket.setInt(SOL_SOCKET, SO_REUSEADDR, 1);
    const name = sockaddr(address);
    libc.must(libc.bindSocket(socket.fd, name, name.length), 'bind');
    libc.must(libc.listen(socket.fd, 16), 'listen');
    return socket;
  }

  /**
   * `repair`: established by one's own word alone, no packet is sent (TCP_REPAIR).
   * @throws KernelError ECONNREFUSED and the like
   */
  static connect(
    address: StreamAddress,
    from?: StreamAddress,
    { repair = false }: { repair?: boolean } = {},
  ): StreamSocket {
    const socket = StreamSocket.#make(address);
    if (repair) socket.setInt(IPPROTO_TCP, TCP_REPAIR, 1);
    if (from !== undefined) {
      socket.setInt(SOL_SOCKET, SO_REUSEADDR, 1);
      const source = sockaddr(from);
      libc.must(libc.bindSocket(socket.fd, source, source.length), 'bind');
    }
    const name = sockaddr(address);
    libc.must(connectWhole(socket.fd, name), 'connect', address.ip);
    if (repair) socket.setInt(IPPROTO_TCP, TCP_REPAIR, 0);
    return socket;
  }

  static #make({ ip, ipv6Socket }: StreamAddress): StreamSocket {
    const family = ipv6Socket || parseIp(ip).family === 6 ? AF_INET6 : AF_INET;
    return new StreamSocket(libc.must(libc.socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), 'socket'));
  }

  accept(): StreamSocket {
    return new StreamSocket(
      libc.must(
        uninterrupted(() => libc.syscall(calls.accept4, this.fd, 0, 0, SOCK_CLOEXEC)),
        'accept',
      ),
    );
  }

  localPort(): number {
    const name = new Uint8Array(28);
    libc.must(libc.getsockname(this.fd, name, Uint32Array.of(28)), 'getsockname');
    return new DataView(name.buffer).getUint16(2);
  }

  /** How many bytes were taken, or the errno's name. */
  send(data: string | Uint8Array, with_ = 0): number | string {
    const bytes = Buffer.from(data);
    return named(libc.send(this.fd, bytes, bytes.length, with_ | flags.noSignal));
  }

  /** What came, empty at the end of the stream; or the errno's name. */
  receive(size = 65_536, with_ = 0): Buffer | string {
    const buffer = Buffer.alloc(size);
    const got = named(uninterrupted(() => libc.recv(this.fd, buffer, size, with_)));
    return typeof got === 'string' ? got : buffer.subarray(0, got);
  }

  /** As text; an error in brackets. */
  text(size = 65_536, with_ = 0): string {
    const got = this.receive(size, with_);
    return typeof got === 'string' ? `<${got}>` : got.toString('latin1');
  }

  /** All up to the end of the stream, or to an error, which follows in brackets. */
  drain(): string {
    let all = '';
    for (let part = this.text(); part !== ''; part = this.text()) {
      all += part;
      if (part.startsWith('<')) break;
    }
    return all;
  }

  /** 0: no more receiving, 1: no more sending. */
  shutdown(how: 0 | 1): void {
    libc.must(libc.syscall(calls.shutdown, this.fd, how), 'shutdown');
  }

  /** What the socket is ready for, waiting for any of `wanted`. */
  poll(wanted: number, timeoutMs = 2000): number {
    return withScratch((scratch) => {
      const poll = scratch(8);
      const timeout = scratch(16);
      poll.view.setInt32(0, this.fd, true);
      poll.view.setInt16(4, wanted, true);
      timeout.view.setBigInt64(0, BigInt(Math.floor(timeoutMs / 1000)), true);
      timeout.view.setBigInt64(8, BigInt((timeoutMs % 1000) * 1_000_000), true);
      libc.must(
        uninterrupted(() => libc.syscall(calls.poll, poll.address, 1, timeout.address, 0n, 8)),
        'poll',
      );
      return poll.view.getInt16(6, true);
    });
  }

  /** FIONREAD. */
  waiting(): number {
    const count = new Uint32Array(1);
    libc.must(libc.ioctl(this.fd, SIOCINQ, new Uint8Array(count.buffer)), 'ioctl');
    return count[0]!;
  }

  /** sendfile(2) of an open file. */
  sendFile(file: number, size: number): number | string {
    return named(libc.syscall(calls.sendfile, this.fd, file, 0n, size));
  }

  /** splice(2) from the socket into a pipe: what came out of it. */
  splice(size: number): string {
    return withScratch((scratch) => {
      const ends = scratch(8);
      libc.must(libc.syscall(calls.pipe2, ends.address, 0o4000), 'pipe');
      const [out, into] = [ends.view.getInt32(0, true), ends.view.getInt32(4, true)];
      try {
        const moved = named(libc.syscall(calls.splice, this.fd, 0n, into, 0n, size, 2));
        if (typeof moved === 'string') return `<${moved}>`;
        const buffer = Buffer.alloc(size);
        return buffer.toString('latin1', 0, Math.max(0, libc.read(out, buffer, size)));
      } finally {
        libc.close(out);
        libc.close(into);
      }
    });
  }

  setInt(level: number, option: number, value: number): void {
    const bytes = new Uint8Array(Int32Array.of(value).buffer);
    libc.must(libc.setsockopt(this.fd, level, option, bytes, 4), 'setsockopt');
  }

  /** TCP_ULP. False where the kernel has none of that name. */
  useUlp(name: string): boolean {
    const bytes = Buffer.from(name);
    return libc.setsockopt(this.fd, IPPROTO_TCP, TCP_ULP, bytes, bytes.length) === 0;
  }

  /** close(2) ends the connection with a reset. */
  resetOnClose(): void {
    const linger = new Uint8Array(Int32Array.of(1, 0).buffer);
    libc.must(libc.setsockopt(this.fd, SOL_SOCKET, SO_LINGER, linger, 8), 'setsockopt');
  }

  close(): void {
    if (this.#open) libc.close(this.fd);
    this.#open = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function named(result: number): number | string {
  return result < 0 ? errnoName(-result) : result;
}

function sockaddr({ ip: text, port, ipv6Socket }: StreamAddress): Uint8Array {
  const ip = parseIp(text);
  const v6 = ip.family === 6 || ipv6Socket === true;
  const bytes = new Uint8Array(v6 ? 28 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, v6 ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port);
  bytes.set(v6 ? mappedBytes(ip) : ip.bytes, v6 ? 8 : 4);
  return bytes;
}

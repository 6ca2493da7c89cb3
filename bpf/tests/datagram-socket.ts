/** One UDP socket by hand, made where the calling thread is, that sends to many and tells whom answers are from. */
import { errnoName } from '../../src/linux/errno.ts';
import { AF_INET, AF_INET6, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET } from '../../src/linux/ffi/constants.ts';
import * as libc from '../../src/linux/ffi/libc.ts';
import { formatIp, ipFromBytes, parseIp } from '../../src/net/ip.ts';
import { uninterrupted } from './uninterrupted.ts';

const SO_RCVTIMEO = 20;

export class DatagramSocket implements Disposable {
  readonly #fd: number;
  readonly #v6: boolean;

  constructor(family: 4 | 6, port = 0) {
    this.#v6 = family === 6;
    const type = SOCK_DGRAM | SOCK_CLOEXEC;
    this.#fd = libc.must(libc.socket(this.#v6 ? AF_INET6 : AF_INET, type, 0), 'socket');
    const timeout = new Uint8Array(16);
    new DataView(timeout.buffer).setBigInt64(0, 2n, true);
    libc.setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, timeout, 16);
    const any = this.#address(this.#v6 ? '::' : '0.0.0.0', port);
    libc.must(libc.bindSocket(this.#fd, any, any.length), 'bind');
  }

  send(ip: string, port: number, text: string): void {
    const address = this.#address(ip, port);
    const bytes = Buffer.from(text);
    libc.must(libc.sendto(this.#fd, bytes, bytes.length, 0, address, address.length), 'sendto', ip);
  }

  connect(ip: string, port: number): void {
    const address = this.#address(ip, port);
    libc.must(libc.connect(this.#fd, address, address.length), 'connect', ip);
  }

  /** Undoes `connect`: AF_UNSPEC. */
  disconnect(): void {
    libc.must(libc.connect(this.#fd, new Uint8Array(16), 16), 'disconnect');
  }

  receive(): { text: string; ip: string; port: number } {
    const buffer = Buffer.alloc(2048);
    const from = new Uint8Array(28);
    const got = uninterrupted(() =>
      libc.recvfrom(this.#fd, buffer, buffer.length, 0, from, Uint32Array.of(28)),
    );
    if (got < 0) return { text: errnoName(-got), ip: '', port: 0 };
    return { text: buffer.toString('utf8', 0, got), ...this.#parse(from) };
  }

  peer(): string {
    const name = new Uint8Array(28);
    const result = libc.getpeername(this.#fd, name, Uint32Array.of(28));
    if (result < 0) return errnoName(-result);
    const { ip, port } = this.#parse(name);
    return `${ip}|${port}`;
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }

  #parse(bytes: Uint8Array): { ip: string; port: number } {
    const ip = ipFromBytes(this.#v6 ? bytes.slice(8, 24) : bytes.slice(4, 8));
    return { ip: formatIp(ip), port: new DataView(bytes.buffer).getUint16(2) };
  }

  #address(text: string, port: number): Uint8Array {
    const bytes = new Uint8Array(this.#v6 ? 28 : 16);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, this.#v6 ? AF_INET6 : AF_INET, true);
    view.setUint16(2, port);
    bytes.set(parseIp(text).bytes, this.#v6 ? 8 : 4);
    return bytes;
  }
}

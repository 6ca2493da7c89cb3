/** A connected socket that echoes are asked of, in the namespace where it is made. */
import { KernelError } from '../../src/linux/errno.ts';
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM } from '../../src/linux/ffi/constants.ts';
import * as libc from '../../src/linux/ffi/libc.ts';
import { parseIp } from '../../src/net/ip.ts';
import { setTimeouts, sockaddr } from './blocking-client.ts';
import { connectWhole, uninterrupted } from './uninterrupted.ts';

export class BlockingSocket implements Disposable {
  readonly #fd: number;

  /** @throws KernelError when it cannot connect */
  constructor(options: { protocol: 'TCP' | 'UDP'; to: string; port: number; timeoutMs: number }) {
    const ip = parseIp(options.to);
    const type = options.protocol === 'TCP' ? SOCK_STREAM : SOCK_DGRAM;
    this.#fd = libc.must(libc.socket(ip.family === 6 ? AF_INET6 : AF_INET, type, 0), 'socket');
    setTimeouts(this.#fd, options.timeoutMs);
    const address = sockaddr(ip, options.port, ip.family === 6);
    const result = connectWhole(this.#fd, address);
    if (result < 0) {
      this[Symbol.dispose]();
      throw new KernelError(-result, 'connect', options.to);
    }
  }

  /** Sends, and receives as many bytes. @throws KernelError, EAGAIN when they do not come in time */
  exchange(bytes: Buffer): Buffer {
    libc.must(libc.send(this.#fd, bytes, bytes.length, 0x4000 /* MSG_NOSIGNAL */), 'send');
    const parts: Buffer[] = [];
    for (let missing = bytes.length; missing > 0; ) {
      const part = Buffer.alloc(missing);
      const receive = () => libc.recvfrom(this.#fd, part, missing, 0, new Uint8Array(28), Uint32Array.of(28));
      const got = libc.must(uninterrupted(receive), 'receive');
      if (got === 0) throw new KernelError(104 /* ECONNRESET */, 'receive', 'the peer has closed');
      parts.push(part.subarray(0, got));
      missing -= got;
    }
    return Buffer.concat(parts);
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}

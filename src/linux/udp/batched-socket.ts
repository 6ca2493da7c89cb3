/**
 * A UDP socket for servers, which receives and sends many datagrams by one system call, and answers from the address
 * that was asked (a machine with several addresses, a socket on all of them). Node's own has a call, two handles' worth
 * of objects and a callback for each datagram.
 */
import { type Ip, isUnspecified } from '../../net/ip.ts';
import { errno, isErrno, KernelError } from '../errno.ts';
import { withScratch } from '../ffi/arena.ts';
import * as constants from '../ffi/constants.ts';
import * as libc from '../ffi/libc.ts';
import { type Endpoint, encodeSocketAddress } from '../netns/socket-address.ts';
import { localEndpoint } from '../netns/sockets.ts';
import { poller } from '../poller/poller.ts';
import { headerBytes, MessageArray, turnPath } from './message-array.ts';
import { encodeSourceFilter, instructionBytes, maxSources } from './source-filter.ts';

/** Datagrams of one system call. */
export const batchSize = 64;
/** Longer ones are received cut off. */
const maxReceived = 4096;
const maxSent = 2048;
/**
 * What waits in the kernel while the event loop is busy, bytes: some 1300 small datagrams, of which the kernel counts
 * 768 bytes each against twice the number; as much as is allowed without CAP_NET_ADMIN. More only makes a flood wait longer.
 */
const receiveBuffer = 512 * 1024;

export interface BatchedSocketOptions extends Endpoint {
  v6only?: boolean;
}

export class BatchedSocket implements Disposable {
  readonly port: number;
  readonly #fd: number;
  readonly #family: 4 | 6;
  readonly #turned: boolean;
  readonly #incoming: MessageArray;
  readonly #outgoing: MessageArray;
  readonly #onLost: (error: KernelError) => void;
  #received = 0;
  #waiting = 0;
  #open = true;

  /** `onLost` is told of a datagram that cannot be sent. @throws KernelError, ENOSYS where the kernel lacks the calls */
  constructor(options: BatchedSocketOptions, onLost: (error: KernelError) => void) {
    const { ip } = options;
    const anyAddress = isUnspecified(ip);
    this.#onLost = onLost;
    this.#family = ip.family;
    this.#turned = anyAddress;
    const shape = {
      count: batchSize,
      addressBytes: ip.family === 4 ? 16 : 28,
      controlBytes: anyAddress ? (ip.family === 4 ? 32 : 40) : 0,
    };
    this.#incoming = new MessageArray({ ...shape, size: maxReceived });
    this.#outgoing = new MessageArray({ ...shape, size: maxSent });
    this.#fd = bound(options, anyAddress);
    try {
      this.port = localEndpoint(this.#fd).port;
      // Of no datagram: tells whether the call is there.
      libc.must(libc.recvmmsg(this.#fd, this.#incoming.headers, 0, 0, null), 'receive from socket');
    } catch (error) {
      libc.close(this.#fd);
      throw error;
    }
  }

  /** Calls whenever there is something to receive, until `close`. */
  onReadable(handler: () => void): void {
    poller.addReadiness(this.#fd, handler);
  }

  /** How many there are: fewer than `batchSize` where no more were waiting. @throws KernelError */
  receive(): number {
    this.#incoming.reset(this.#received);
    this.#received = 0;
    const count = libc.recvmmsg(this.#fd, this.#incoming.headers, batchSize, 0, null);
    if (count === -errno.EAGAIN || count === -errno.EINTR) return 0;
    this.#received = libc.must(count, 'receive from socket', String(this.#fd));
    if (this.#turned) for (let i = 0; i < count; i++) turnPath(this.#incoming.paths[i]!, this.#family);
    return count;
  }

  /** A received datagram: a view until the next `receive`. */
  bytesOf(index: number): Uint8Array {
    return this.#incoming.bytesOf(index);
  }

  /** The way back to who sent it: a view until the next `receive`. */
  pathOf(index: number): Uint8Array {
    return this.#incoming.paths[index]!;
  }

  /** Takes a datagram for the next `flush`. */
  send(bytes: Uint8Array, path: Uint8Array): void {
    if (!this.#open) return;
    if (bytes.length > maxSent) {
      this.#onLost(new KernelError(errno.EMSGSIZE, 'send by socket', String(this.#fd)));
      return;
    }
    if (this.#waiting === batchSize) this.flush();
    this.#outgoing.put(this.#waiting++, bytes, path);
  }

  flush(): void {
    const { headers } = this.#outgoing;
    let done = 0;
    while (done < this.#waiting) {
      const rest = done === 0 ? headers : headers.subarray(done * headerBytes);
      const sent = libc.sendmmsg(this.#fd, rest, this.#waiting - done, 0);
      if (sent === -errno.EINTR) continue;
      // An error is one of the first of them.
      if (sent < 0) this.#onLost(new KernelError(-sent, 'send by socket', String(this.#fd)));
      done += Math.max(sent, 1);
    }
    this.#waiting = 0;
  }

  /** From now on nothing that these addresses send is received; what waits already is. Others of another family are ignored. */
  dropFrom(sources: readonly Ip[]): void {
    const { SOL_SOCKET, SO_ATTACH_FILTER, SO_DETACH_FILTER } = constants;
    const named = sources.filter(({ family }) => family === this.#family).slice(0, maxSources);
    if (named.length === 0) {
      // ENOENT: there was none.
      const detached = libc.setsockopt(this.#fd, SOL_SOCKET, SO_DETACH_FILTER, new Uint32Array(1), 4);
      if (detached !== -errno.ENOENT) libc.must(detached, 'take filter from socket', String(this.#fd));
      return;
    }
    const filter = encodeSourceFilter(named, this.#family);
    withScratch((allocate) => {
      const code = allocate(filter.length);
      code.bytes.set(filter);
      // struct sock_fprog.
      const program = allocate(16);
      program.view.setUint16(0, filter.length / instructionBytes, true);
      program.view.setBigUint64(8, code.address, true);
      libc.must(
        libc.setsockopt(this.#fd, SOL_SOCKET, SO_ATTACH_FILTER, program.bytes, program.bytes.length),
        'filter what comes to socket',
        String(this.#fd),
      );
    });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    poller.remove(this.#fd);
    libc.close(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function bound(options: BatchedSocketOptions, anyAddress: boolean): number {
  const { ip } = options;
  const { SOCK_DGRAM, SOCK_CLOEXEC, SOCK_NONBLOCK, IPPROTO_IP, IPPROTO_IPV6 } = constants;
  const domain = ip.family === 4 ? constants.AF_INET : constants.AF_INET6;
  const fd = libc.must(libc.socket(domain, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), 'open UDP socket');
  try {
    const { v6only = false } = options;
    if (ip.family === 6) setOption(fd, IPPROTO_IPV6, constants.IPV6_V6ONLY, Number(v6only));
    if (anyAddress && ip.family === 4) setOption(fd, IPPROTO_IP, constants.IP_PKTINFO, 1);
    if (anyAddress && ip.family === 6) setOption(fd, IPPROTO_IPV6, constants.IPV6_RECVPKTINFO, 1);
    enlargeReceiveBuffer(fd);
    const address = encodeSocketAddress(options);
    libc.must(libc.bindSocket(fd, address, address.length), 'bind UDP socket');
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

function enlargeReceiveBuffer(fd: number): void {
  const { SOL_SOCKET, SO_RCVBUF, SO_RCVBUFFORCE } = constants;
  try {
    setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer);
  } catch (error) {
    if (!isErrno(error, errno.EPERM)) throw error;
    setOption(fd, SOL_SOCKET, SO_RCVBUF, receiveBuffer);
  }
}

function setOption(fd: number, level: number, option: number, value: number): void {
  libc.must(libc.setsockopt(fd, level, option, Uint32Array.of(value), 4), 'set option of socket');
}

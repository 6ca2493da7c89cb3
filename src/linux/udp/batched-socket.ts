/**
 * A UDP socket for servers, which receives and sends many datagrams by one system call, and answers from the address
 * that was asked (a machine with several addresses, a socket on all of them). Node's own has a call, two handles' worth
 * of objects and a callback for each datagram.
 *
 * What waits for it in the kernel may lie in several lanes, each a socket of the kernel's with a buffer of its own: who fills one takes no
 * room from those in the others.
 */
import { randomBytes } from 'node:crypto';
import { type Ip, isUnspecified } from '../../net/ip.ts';
import { errno, isErrno, KernelError } from '../errno.ts';
import { withScratch } from '../ffi/arena.ts';
import * as constants from '../ffi/constants.ts';
import * as libc from '../ffi/libc.ts';
import { type Endpoint, encodeSocketAddress } from '../netns/socket-address.ts';
import { localEndpoint } from '../netns/sockets.ts';
import { poller } from '../poller/poller.ts';
import { encodeLaneProgram, instructionBytes, maxSlowSources } from './lane-program.ts';
import { headerBytes, MessageArray, turnPath } from './message-array.ts';

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
  /** A power of two; those who send are spread over them by their address. With more than one there is another for those named slow. */
  lanes?: number;
}

export class BatchedSocket implements Disposable {
  readonly port: number;
  /** How many lanes there are to receive from; where there are several, the last is the slow one. */
  readonly laneCount: number;
  /** Of each lane. The first sends. */
  readonly #fds: number[] = [];
  readonly #secret = (randomBytes(4).readUInt32LE() | 1) >>> 0;
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
    const { lanes = 1 } = options;
    this.laneCount = lanes > 1 ? lanes + 1 : 1;
    try {
      this.port = this.#bind(options, anyAddress);
      // Of no datagram: tells whether the call is there.
      libc.must(libc.recvmmsg(this.#fds[0]!, this.#incoming.headers, 0, 0, null), 'receive from socket');
    } catch (error) {
      for (const fd of this.#fds) libc.close(fd);
      throw error;
    }
  }

  /** Binds all lanes to one port; the port. */
  #bind(options: BatchedSocketOptions, anyAddress: boolean): number {
    const first = bound(options, anyAddress);
    this.#fds.push(first);
    const { port } = localEndpoint(first);
    if (this.laneCount === 1) return port;
    // Not before it is bound: a port that is another's is not shared with it.
    setOption(first, constants.SOL_SOCKET, constants.SO_REUSEPORT, 1);
    while (this.#fds.length < this.laneCount)
      this.#fds.push(bound({ ...options, port }, anyAddress, { shared: true }));
    this.slowDown([]);
    return port;
  }

  /** Calls whenever there is something to receive in a lane, until `close`. */
  onReadable(handler: (lane: number) => void): void {
    this.#fds.forEach((fd, lane) => {
      poller.addReadiness(fd, () => handler(lane));
    });
  }

  /** How many there are: fewer than `batchSize` where no more were waiting. @throws KernelError */
  receive(lane = 0): number {
    const fd = this.#fds[lane]!;
    this.#incoming.reset(this.#received);
    this.#received = 0;
    const count = libc.recvmmsg(fd, this.#incoming.headers, batchSize, 0, null);
    if (count === -errno.EAGAIN || count === -errno.EINTR) return 0;
    this.#received = libc.must(count, 'receive from socket', String(fd));
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
      this.#onLost(new KernelError(errno.EMSGSIZE, 'send by socket', String(this.#fds[0])));
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
      const sent = libc.sendmmsg(this.#fds[0]!, rest, this.#waiting - done, 0);
      if (sent === -errno.EINTR) continue;
      // An error is one of the first of them.
      if (sent < 0) this.#onLost(new KernelError(-sent, 'send by socket', String(this.#fds[0])));
      done += Math.max(sent, 1);
    }
    this.#waiting = 0;
  }

  /**
   * From now on what these addresses send comes in the slow lane; what waits already stays where it is. Others of another family, and
   * more than there is room for, are ignored. Without effect where there is one lane.
   */
  slowDown(sources: readonly Ip[]): void {
    if (this.laneCount === 1) return;
    const family = this.#family;
    const slow = sources.filter((ip) => ip.family === family).slice(0, maxSlowSources);
    const filter = encodeLaneProgram({ family, lanes: this.laneCount - 1, secret: this.#secret, slow });
    withScratch((allocate) => {
      const code = allocate(filter.length);
      code.bytes.set(filter);
      // struct sock_fprog.
      const program = allocate(16);
      program.view.setUint16(0, filter.length / instructionBytes, true);
      program.view.setBigUint64(8, code.address, true);
      const { SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF } = constants;
      const { bytes } = program;
      libc.must(
        libc.setsockopt(this.#fds[0]!, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, bytes, bytes.length),
        'choose among sockets',
        String(this.#fds[0]),
      );
    });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const fd of this.#fds) {
      poller.remove(fd);
      libc.close(fd);
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function bound(options: BatchedSocketOptions, anyAddress: boolean, { shared = false } = {}): number {
  const { ip } = options;
  const { SOCK_DGRAM, SOCK_CLOEXEC, SOCK_NONBLOCK, IPPROTO_IP, IPPROTO_IPV6 } = constants;
  const domain = ip.family === 4 ? constants.AF_INET : constants.AF_INET6;
  const fd = libc.must(libc.socket(domain, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), 'open UDP socket');
  try {
    const { v6only = false } = options;
    if (ip.family === 6) setOption(fd, IPPROTO_IPV6, constants.IPV6_V6ONLY, Number(v6only));
    if (anyAddress && ip.family === 4) setOption(fd, IPPROTO_IP, constants.IP_PKTINFO, 1);
    if (anyAddress && ip.family === 6) setOption(fd, IPPROTO_IPV6, constants.IPV6_RECVPKTINFO, 1);
    if (shared) setOption(fd, constants.SOL_SOCKET, constants.SO_REUSEPORT, 1);
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

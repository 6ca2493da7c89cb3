/**
 * One netlink socket: requests with their acknowledgements, and dumps. The kernel works requests of rtnetlink
 * off within send(2), so that the answer is there when it returns and nothing here ever waits.
 */
import { errno, KernelError } from '../errno.ts';
import {
  AF_NETLINK,
  MSG_TRUNC,
  SIOCGSKNS,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_NETLINK,
} from '../ffi/constants.ts';
import * as libc from '../ffi/libc.ts';
import { type NetnsHandle, netnsOf, withNetns } from '../netns/netns.ts';
import {
  decodeMessages,
  decodeVerdict,
  encodeMessage,
  type Message,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './message.ts';

const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;
export const NETLINK_GENERIC = 16;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

/** Twice what the kernel puts into one datagram of a dump. */
const receiveBuffer = new Uint8Array(new ArrayBuffer(64 * 1024));
const dumpTries = 20;

export interface Request {
  type: number;
  flags?: number;
  payload: Uint8Array;
  /** For errors: what is done (`add route`), to what. */
  operation: string;
  object: string;
}

/**
 * A bound socket in the namespace, or in the thread's own; subscribed to the multicast groups.
 * @throws KernelError
 */
export function openSocket(
  netns: NetnsHandle | undefined,
  { protocol = NETLINK_ROUTE, groups = [] }: { protocol?: number; groups?: readonly number[] } = {},
): number {
  const make = () => libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  const where = netns?.path ?? '';
  const fd = libc.must(netns === undefined ? make() : withNetns(netns, make), 'open netlink socket', where);
  const setOption = (option: number, value: number) =>
    libc.must(
      libc.setsockopt(fd, SOL_NETLINK, option, Uint32Array.of(value), 4),
      'set up netlink socket',
      where,
    );
  try {
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    libc.must(libc.bindSocket(fd, address, address.length), 'bind netlink socket', where);
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) setOption(option, 1);
    for (const group of groups) setOption(NETLINK_ADD_MEMBERSHIP, group);
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

export class NetlinkSocket implements Disposable {
  readonly #fd: number;
  #sequence = 0;
  #open = true;

  /** Of rtnetlink unless another protocol (NETLINK_*) is asked for. */
  constructor(netns?: NetnsHandle, protocol = NETLINK_ROUTE) {
    this.#fd = openSocket(netns, { protocol });
  }

  /** A handle of the namespace that the socket is in, wherever it was opened from (SIOCGSKNS). */
  netns(): NetnsHandle {
    const fd = libc.must(libc.ioctl(this.#fd, SIOCGSKNS, null), 'get the namespace of', 'netlink socket');
    return netnsOf(fd, 'netlink socket');
  }

  /**
   * Sends a request and returns the message it is answered by, if it is one that asks for something.
   * @throws KernelError with the kernel's own explanation
   */
  request(request: Request): Message | undefined {
    const sequence = this.#send(request, NLM_F_REQUEST | NLM_F_ACK | (request.flags ?? 0));
    let answer: Message | undefined;
    for (;;) {
      for (const message of this.#receive(request)) {
        if (message.sequence !== sequence) continue;
        if (message.type === NLMSG_ERROR) return acknowledge(message, request) ?? answer;
        // The buffer is used again by the datagram with the acknowledgement.
        answer = { ...message, payload: Uint8Array.from(message.payload) };
      }
    }
  }

  /**
   * As request, but the kernel works it off on another thread. Nothing else may be asked of the socket meanwhile.
   * @throws KernelError
   */
  async requestAside(request: Request): Promise<void> {
    const flags = NLM_F_REQUEST | NLM_F_ACK | (request.flags ?? 0);
    const sequence = ++this.#sequence;
    const bytes = encodeMessage({ type: request.type, flags, sequence, payload: request.payload });
    libc.must(await libc.sendAside(this.#fd, bytes, 0), request.operation, request.object);
    const answer = this.#receive(request).find((message) => message.sequence === sequence);
    if (answer?.type === NLMSG_ERROR) acknowledge(answer, request);
  }

  /**
   * All objects of a kind, each decoded while its bytes are there. A dump that a change interrupted is
   * inconsistent (NLM_F_DUMP_INTR) and starts again.
   * @throws KernelError
   */
  dump<T>(request: Request, decode: (payload: Uint8Array) => T | undefined): T[] {
    for (let tries = 0; tries < dumpTries; tries++) {
      const found = this.#dumpOnce(request, decode);
      if (found !== undefined) return found;
    }
    throw new KernelError(errno.EAGAIN, request.operation, request.object, {
      reason: 'changes interrupt the dump',
    });
  }

  #dumpOnce<T>(request: Request, decode: (payload: Uint8Array) => T | undefined): T[] | undefined {
    const sequence = this.#send(request, NLM_F_REQUEST | NLM_F_DUMP);
    const found: T[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of this.#receive(request)) {
        if (message.sequence !== sequence) continue;
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          acknowledge(message, request);
          return interrupted ? undefined : found;
        }
        const object = decode(message.payload);
        if (object !== undefined) found.push(object);
      }
    }
  }

  /**
   * As dump, of what may be long and is no matter of consistency: the event loop gets its turn after each datagram. Nothing
   * else may be asked of the socket meanwhile.
   * @throws KernelError
   */
  async dumpInSlices<T>(request: Request, decode: (payload: Uint8Array) => T | undefined): Promise<T[]> {
    const sequence = this.#send(request, NLM_F_REQUEST | NLM_F_DUMP);
    const found: T[] = [];
    for (;;) {
      for (const message of this.#receive(request)) {
        if (message.sequence !== sequence) continue;
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          acknowledge(message, request);
          return found;
        }
        const object = decode(message.payload);
        if (object !== undefined) found.push(object);
      }
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #send(request: Request, flags: number): number {
    if (!this.#open) throw new KernelError(errno.EBADF, request.operation, request.object);
    const sequence = ++this.#sequence;
    const bytes = encodeMessage({ type: request.type, flags, sequence, payload: request.payload });
    libc.must(libc.send(this.#fd, bytes, bytes.length, 0), request.operation, request.object);
    return sequence;
  }

  #receive(request: Request): Message[] {
    return decodeMessages(receive(this.#fd, request.operation, request.object)!);
  }

  close(): void {
    if (this.#open) libc.close(this.#fd);
    this.#open = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * The next datagram, valid until the next call; undefined when there is none and `orNone` is set.
 * @throws KernelError ENOBUFS when the kernel had to drop some
 */
export function receive(
  fd: number,
  operation: string,
  object: string,
  orNone = false,
): Uint8Array | undefined {
  const size = libc.recv(fd, receiveBuffer, receiveBuffer.length, MSG_TRUNC);
  if (size === -errno.EAGAIN && orNone) return undefined;
  libc.must(size, operation, object);
  if (size > receiveBuffer.length) throw new KernelError(errno.EMSGSIZE, operation, object);
  return receiveBuffer.subarray(0, size);
}

function acknowledge(message: Message, request: Request): undefined {
  const verdict = decodeVerdict(message);
  if (verdict.errno === 0) return;
  throw new KernelError(verdict.errno, request.operation, request.object, { reason: verdict.reason });
}

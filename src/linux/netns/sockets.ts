/**
 * Sockets made inside a namespace and adopted by Node.js. A socket belongs to the namespace it was made in for
 * good, but `net` and `dgram` make theirs after the window that asked for them; so these come as descriptors:
 *
 *     net.createServer(…).listen({ fd: listenTcp(netns, { ip, port }) })
 *     dgram.createSocket('udp4').bind({ fd: bindUdp(netns, { ip, port }) })
 *
 * dgram tells `listening` before bind({ fd }) returns, net after. Whoever adopts the descriptor owns it: server.close() and socket.close() close it. One that is not adopted
 * must be closed by its caller.
 */
import { Socket } from 'node:net';
import { formatIp } from '../../net/ip.ts';
import { TendrilError } from '../../util/errors.ts';
import { errno, KernelError } from '../errno.ts';
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SO_ERROR,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../ffi/constants.ts';
import * as libc from '../ffi/libc.ts';
import { onceWritable } from '../ffi/readiness.ts';
import { type NetnsHandle, withNetns } from './netns.ts';
import { decodeSocketAddress, type Endpoint, encodeSocketAddress } from './socket-address.ts';

export interface ListenOptions extends Endpoint {
  /** An IPv6 socket takes IPv4 too unless this is set; off by default, as the kernel has it. */
  v6only?: boolean;
  backlog?: number;
}

/** A listening TCP socket. Port 0 lets the kernel choose: see `localEndpoint`. @throws KernelError */
export function listenTcp(netns: NetnsHandle, options: ListenOptions): number {
  return bound(netns, options, SOCK_STREAM, (fd, what) => {
    libc.must(libc.listen(fd, options.backlog ?? 511), 'listen on', what);
  });
}

/** A bound UDP socket. @throws KernelError */
export function bindUdp(netns: NetnsHandle, options: Omit<ListenOptions, 'backlog'>): number {
  return bound(netns, options, SOCK_DGRAM, () => {});
}

function bound(
  netns: NetnsHandle,
  options: ListenOptions,
  type: number,
  finish: (fd: number, what: string) => void,
): number {
  const what = describe(options, netns);
  const fd = openSocket(netns, options, type);
  try {
    // As Node.js itself does: a port whose connections are still in TIME_WAIT can be had.
    if (type === SOCK_STREAM) setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (options.ip.family === 6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, Number(options.v6only ?? false));
    const address = encodeSocketAddress(options);
    libc.must(libc.bindSocket(fd, address, address.length), 'bind', what);
    finish(fd, what);
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/**
 * A connected TCP socket of the namespace. The connection is made by the kernel while Node.js waits.
 * @throws KernelError ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT (also when `timeoutMs` is over);
 *   TendrilError CANCELLED when the signal aborts
 */
export async function connectTcp(
  netns: NetnsHandle,
  options: Endpoint & { timeoutMs: number; signal?: AbortSignal },
): Promise<Socket> {
  const what = describe(options, netns);
  const fd = openSocket(netns, options, SOCK_STREAM);
  try {
    const address = encodeSocketAddress(options);
    const started = libc.connect(fd, address, address.length);
    if (started < 0 && started !== -errno.EINPROGRESS) throw new KernelError(-started, 'connect to', what);
    if (started < 0) await writable(fd, what, options);
    const failure = socketError(fd);
    if (failure !== 0) throw new KernelError(failure, 'connect to', what);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  return new Socket({ fd, readable: true, writable: true });
}

function writable(
  fd: number,
  what: string,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  const { timeoutMs, signal } = options;
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      stop();
      finish();
    };
    const onAbort = () =>
      settle(() =>
        reject(new TendrilError('CANCELLED', `connect to ${what}: cancelled`, { cause: signal?.reason })),
      );
    const stop = onceWritable(fd, () => settle(resolve));
    const timedOut = () => settle(() => reject(new KernelError(errno.ETIMEDOUT, 'connect to', what)));
    const timer = setTimeout(timedOut, timeoutMs);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Where a socket is bound: after a bind to port 0. @throws KernelError */
export function localEndpoint(fd: number): Endpoint {
  const address = new Uint8Array(28);
  libc.must(
    libc.getsockname(fd, address, Uint32Array.of(address.length)),
    'get address of socket',
    String(fd),
  );
  return decodeSocketAddress(address);
}

function openSocket(netns: NetnsHandle, endpoint: Endpoint, type: number): number {
  const domain = endpoint.ip.family === 4 ? AF_INET : AF_INET6;
  const fd = withNetns(netns, () => libc.socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return libc.must(fd, 'open socket for', describe(endpoint, netns));
}

/** The pending error, which the kernel forgets once it is asked. */
function socketError(fd: number): number {
  const value = new Uint32Array(1);
  libc.must(libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, value, Uint32Array.of(4)), 'get error of socket');
  return value[0]!;
}

function setOption(fd: number, level: number, option: number, value: number): void {
  libc.must(libc.setsockopt(fd, level, option, Uint32Array.of(value), 4), 'set option of socket');
}

function describe({ ip, port }: Endpoint, netns: NetnsHandle): string {
  const host = ip.family === 4 ? formatIp(ip) : `[${formatIp(ip)}]`;
  return `${host}:${port} in ${netns.path}`;
}

/** The number by which BPF programs know a network namespace (SO_NETNS_COOKIE, Linux 5.14). */
import { errno, isErrno } from '../errno.ts';
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET } from '../ffi/constants.ts';
import * as libc from '../ffi/libc.ts';
import { openNetns, withNetns } from '../netns/netns.ts';

const SO_NETNS_COOKIE = 71;

/** Of the namespace that the calling thread is in. */
export function netnsCookie(): bigint {
  const fd = libc.must(libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'open socket');
  try {
    const cookie = new BigUint64Array(1);
    libc.must(
      libc.getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, Uint32Array.of(8)),
      'read cookie of network namespace',
    );
    return cookie[0]!;
  } finally {
    libc.close(fd);
  }
}

/** Of the namespace at a path; undefined where there is none. */
export function netnsCookieAt(path: string): bigint | undefined {
  try {
    using netns = openNetns(path);
    return withNetns(netns, netnsCookie);
  } catch (error) {
    // EINVAL: a file that no namespace is mounted on (any more).
    if (isErrno(error, errno.ENOENT) || isErrno(error, errno.EINVAL)) return undefined;
    throw error;
  }
}

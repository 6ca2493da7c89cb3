/**
 * Calls that a signal ends early with EINTR, begun anew: with a timeout on the socket the kernel does not do so itself
 * (signal(7)), and a test's own children end with signals.
 */
import { errno } from '../../src/linux/errno.ts';
import * as libc from '../../src/linux/ffi/libc.ts';

/** The result, or a negative errno that is not EINTR. */
export function uninterrupted(call: () => number): number {
  let result = call();
  while (result === -errno.EINTR) result = call();
  return result;
}

/** connect(2): one that was interrupted goes on, and connecting again waits for it. 0, or a negative errno. */
export function connectWhole(fd: number, address: Uint8Array): number {
  const result = libc.connect(fd, address, address.length);
  if (result !== -errno.EINTR) return result;
  const again = uninterrupted(() => libc.connect(fd, address, address.length));
  return again === -errno.EISCONN ? 0 : again;
}

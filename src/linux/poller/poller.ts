/**
 * Descriptors that `net` and `dgram` cannot take: netlink, BPF ring buffers, tun. They wait in Node's own
 * epoll set (uv_poll), are read when they are ready, and what was read goes to its handler as a batch.
 *
 * Not a worker thread: see docs/adr/0005-poll-in-the-event-loop.md. Reads must not block, so a handler that keeps the
 * event loop busy only delays them; the kernel's buffers hold what comes meanwhile.
 */
import { errno, KernelError } from '../errno.ts';
import * as libc from '../ffi/libc.ts';
import { onReadable } from '../ffi/readiness.ts';

export interface ReadOptions {
  /** Largest datagram or read, in bytes; 64 KiB unless given. */
  size?: number;
  /**
   * A failed read; the descriptor stays (ENOBUFS of a netlink socket only means that events were lost).
   * Without it the descriptor is taken out and the error is thrown.
   */
  onError?: (error: KernelError) => void;
}

/** How many reads one turn of the event loop may take before others get theirs. */
const readsPerTurn = 64;
const defaultSize = 64 * 1024;

export class Poller implements Disposable {
  readonly #stops = new Map<number, () => void>();

  /**
   * Reads the descriptor whenever it is ready and gives the handler what it read, oldest first, one element per
   * read(2): private copies. The descriptor stays the caller's; remove it here before closing it.
   */
  add(fd: number, onData: (buffers: Uint8Array[]) => void, options: ReadOptions = {}): void {
    const { size = defaultSize, onError = (error: KernelError) => this.#fail(fd, error) } = options;
    const buffer = new Uint8Array(new ArrayBuffer(size));
    this.addReadiness(fd, () => {
      const buffers: Uint8Array[] = [];
      const result = readAll(fd, buffer, buffers);
      if (buffers.length > 0) onData(buffers);
      // The handler may have taken the descriptor out.
      if (result < 0 && this.#stops.has(fd)) onError(new KernelError(-result, 'read descriptor', String(fd)));
    });
  }

  #fail(fd: number, error: KernelError): never {
    this.remove(fd);
    throw error;
  }

  /** Only tells that the descriptor is ready, again and again until it was read: for ring buffers. */
  addReadiness(fd: number, onReady: () => void): void {
    if (this.#stops.has(fd)) throw new KernelError(errno.EEXIST, 'poll descriptor', String(fd));
    this.#stops.set(fd, onReadable(fd, onReady));
  }

  /** False when it was not there. */
  remove(fd: number): boolean {
    const stop = this.#stops.get(fd);
    stop?.();
    return this.#stops.delete(fd);
  }

  close(): void {
    for (const fd of [...this.#stops.keys()]) this.remove(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** 0, or the negative errno that ended it. */
function readAll(fd: number, buffer: Uint8Array, buffers: Uint8Array[]): number {
  for (let reads = 0; reads < readsPerTurn; reads++) {
    const size = libc.read(fd, buffer, buffer.length);
    if (size === -errno.EAGAIN || size === -errno.EINTR || size === 0) return 0;
    if (size < 0) return size;
    buffers.push(buffer.slice(0, size));
  }
  return 0;
}

/** The process's own. */
export const poller = new Poller();

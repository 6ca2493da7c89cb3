import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { O_CLOEXEC, O_NONBLOCK } from '../ffi/constants.ts';
import * as libc from '../ffi/libc.ts';
import { Poller } from './poller.ts';

/** An eventfd is the simplest descriptor that epoll takes: written 8 bytes, read as their sum. */
let fd: number;
let poller: Poller;
const raise = (by = 1) => libc.write(fd, new Uint8Array(BigUint64Array.of(BigInt(by)).buffer), 8);

beforeEach(() => {
  fd = libc.must(libc.eventfd(0, O_CLOEXEC | O_NONBLOCK), 'make eventfd');
  poller = new Poller();
});

afterEach(() => {
  poller.close();
  libc.close(fd);
});

describe('the poller', () => {
  test('reads a descriptor when it is ready, and hands over copies', async () => {
    const read: Uint8Array[] = [];
    poller.add(fd, (buffers) => read.push(...buffers));
    raise(5);
    await vi.waitFor(() => expect(read.length).toBe(1));
    raise(7);
    await vi.waitFor(() => expect(read.length).toBe(2));
    expect(read.map((bytes) => bytes[0])).toEqual([5, 7]);
  });

  test('tells readiness without reading, until somebody has', async () => {
    let told = 0;
    poller.addReadiness(fd, () => {
      if (++told === 3) libc.read(fd, new Uint8Array(8), 8);
    });
    raise();
    await vi.waitFor(() => expect(told).toBe(3));
  });

  test('is silent after remove, also from within the handler', async () => {
    const handler = vi.fn(() => void poller.remove(fd));
    poller.add(fd, handler);
    raise();
    await vi.waitFor(() => expect(handler).toHaveBeenCalledOnce());
    raise();
    await new Promise((resolve) => setImmediate(resolve));
    expect(handler).toHaveBeenCalledOnce();
    expect(poller.remove(fd)).toBe(false);
  });

  test('lets promises settle that a handler resolves', async () => {
    const read = new Promise<number>((resolve) => poller.add(fd, ([bytes]) => resolve(bytes![0]!)));
    raise(3);
    expect(await read).toBe(3);
  });

  test('takes a descriptor once', () => {
    poller.add(fd, () => {});
    expect(() => poller.add(fd, () => {})).toThrow(expect.objectContaining({ errnoName: 'EEXIST' }));
  });

  test('reports a read that fails', async () => {
    const onError = vi.fn(() => void poller.remove(fd));
    // Less than eight bytes cannot be read from an eventfd.
    poller.add(fd, () => {}, { size: 4, onError });
    raise();
    await vi.waitFor(() =>
      expect(onError).toHaveBeenCalledWith(expect.objectContaining({ errnoName: 'EINVAL' })),
    );
  });
});

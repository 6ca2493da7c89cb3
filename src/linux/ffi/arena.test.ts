import { describe, expect, test } from 'vitest';
import { allocate, cString, withScratch } from './arena.ts';
import * as libc from './libc.ts';

const getpid = 39;

describe('the arena', () => {
  test('gives zeroed blocks, aligned to 8 bytes, that do not overlap', () => {
    const [a, b] = [allocate(3), allocate(5)];
    expect(a.address % 8n).toBe(0n);
    expect(b.address % 8n).toBe(0n);
    expect(b.address - a.address).toBe(8n);
    expect([...b.bytes]).toEqual([0, 0, 0, 0, 0]);
  });

  test('has addresses at which the kernel finds the bytes', () => {
    const path = cString('/dev/null');
    const openat = { x64: 257, arm64: 56 }[process.arch as string]!;
    const fd = libc.syscall(openat, -100, path.address, 0o2000000);
    expect(fd).toBeGreaterThan(2);
    libc.close(fd);
  });

  test('gives blocks larger than a chunk', () => {
    const block = allocate(1 << 20);
    expect(block.bytes.length).toBe(1 << 20);
    expect(allocate(8).bytes.length).toBe(8);
  });

  test('lends scratch blocks again, zeroed, once their function returned', () => {
    const first = withScratch((lend) => {
      const block = lend(16);
      block.bytes.fill(7);
      withScratch((inner) => expect(inner(16).address).not.toBe(block.address));
      return block;
    });
    withScratch((lend) => {
      const again = lend(16);
      expect(again.address).toBe(first.address);
      expect(again.bytes.every((byte) => byte === 0)).toBe(true);
    });
  });

  test('lends scratch of every size in turn', () => {
    for (const size of [1 << 19, 16, 1 << 18, 1 << 20]) {
      withScratch((lend) => expect(lend(size).bytes.length).toBe(size));
    }
  });
});

describe('the C library', () => {
  test('returns a negative errno for failure', () => {
    expect(libc.close(-1)).toBe(-9);
    expect(libc.open('/no/such/file', 0, 0)).toBe(-2);
    if (process.arch === 'x64') expect(libc.syscall(getpid)).toBe(process.pid);
  });

  test('has its failures named', () => {
    expect(() => libc.must(-1, 'open', '/x')).toThrow('open /x: EPERM (not permitted)');
    expect(libc.must(3, 'open', '/x')).toBe(3);
  });
});

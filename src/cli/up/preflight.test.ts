import { describe, expect, test } from 'vitest';
import { labPaths } from '../../lab/topology/lab-config.ts';
import { checkSocketPaths } from './preflight.ts';

/** The longest socket below it is that of node-1: `/shop/nodes/node-1/cni.sock`, 27 bytes. */
const pathsBelow = (base: string) => labPaths('shop', { base, cgroupMount: '/sys/fs/cgroup' });
const bytes = (length: number) => `/${'r'.repeat(length - 1)}`;

describe('the paths of sockets', () => {
  test('may have 107 bytes', () => {
    expect(() => checkSocketPaths(pathsBelow(bytes(80)), ['node-1'])).not.toThrow();
  });

  test.each([
    ['bytes', bytes(81), '1 bytes shorter'],
    ['characters of several bytes', `/${'é'.repeat(40)}`, '1 bytes shorter'],
    ['far too many', bytes(300), '220 bytes shorter'],
  ])('more are refused, counted in bytes: %s', (_, base, remedy) => {
    expect(() => checkSocketPaths(pathsBelow(base), ['node-1'])).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT', remedy: expect.stringContaining(remedy) }),
    );
  });

  test('every node counts', () => {
    expect(() => checkSocketPaths(pathsBelow(bytes(79)), ['node-1', 'node-100'])).toThrow(/1 more/);
  });
});

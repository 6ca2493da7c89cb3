import { expect, test } from 'vitest';
import { notEnforced } from './status.ts';

test('limits that the machine has no means for are told, with the reason', () => {
  const missing = [
    { controller: 'memory', reason: '/sys/fs/cgroup does not pass the memory controller on' },
    { controller: 'pids', reason: 'read-only file system' },
  ] as const;
  expect(notEnforced(missing)).toEqual([
    'limits of memory: /sys/fs/cgroup does not pass the memory controller on',
    'the number of processes of a pod: read-only file system',
  ]);
  expect(notEnforced([])).toEqual([]);
});

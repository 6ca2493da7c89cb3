import { expect, test } from 'vitest';
import { parseMountinfo } from '../mount/mount-table.ts';
import { cgroupMount } from './cgroup.ts';

const hybrid = `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw
32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`;
const unified = '31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n';
const bound = '90 23 0:28 /system.slice /run/x rw - cgroup2 cgroup2 rw\n';

test('cgroup2 is found where version 1 is beside it, and where it is alone', () => {
  expect(cgroupMount(parseMountinfo(hybrid))).toBe('/sys/fs/cgroup/unified');
  expect(cgroupMount(parseMountinfo(bound + unified))).toBe('/sys/fs/cgroup');
});

test('without one the error says what to do', () => {
  expect(() => cgroupMount([])).toThrow(
    expect.objectContaining({ code: 'KERNEL_FEATURE', remedy: expect.stringContaining('mount -t cgroup2') }),
  );
});

test('a part of one is taken where there is nothing else: so it is in a container', () => {
  expect(cgroupMount(parseMountinfo(bound))).toBe(
    parseMountinfo(bound).find(({ type }) => type === 'cgroup2')!.target,
  );
});

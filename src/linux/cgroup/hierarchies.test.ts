import { expect, test } from 'vitest';
import { parseMountinfo } from '../mount/mount-table.ts';
import { everywhere, hierarchies, versionOneMounts } from './hierarchies.ts';

const hybrid = parseMountinfo(`31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
35 31 0:32 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
36 31 0:33 /docker/x /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`);
const unified = parseMountinfo('31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n');

test('a hybrid machine: a hierarchy per controller, whole ones only', () => {
  expect([...versionOneMounts(hybrid)]).toEqual([
    ['memory', '/sys/fs/cgroup/memory'],
    ['cpu', '/sys/fs/cgroup/cpu,cpuacct'],
  ]);
  expect(everywhere('/sys/fs/cgroup/unified/tendril/lab', hybrid)).toEqual([
    '/sys/fs/cgroup/unified/tendril/lab',
    '/sys/fs/cgroup/memory/tendril/lab',
    '/sys/fs/cgroup/cpu,cpuacct/tendril/lab',
  ]);
});

test('version 2 alone: one hierarchy', () => {
  expect(hierarchies(unified)).toEqual(['/sys/fs/cgroup']);
  expect(everywhere('/sys/fs/cgroup/tendril', unified)).toEqual(['/sys/fs/cgroup/tendril']);
});

import { expect, test } from 'vitest';
import { mountsBelow, parseMountinfo, readMounts } from './mount-table.ts';

const text = `23 1 8:1 / / rw,relatime - ext4 /dev/root rw
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
50 23 0:4 net:[4026532281] /run/tendril/a/netns/node-1 rw shared:12 master:1 - nsfs nsfs rw
51 23 0:44 / /run/tendril/ab rw - tmpfs tmpfs rw,mode=755
52 23 8:1 /srv/with\\040space /mnt/a\\134b rw - ext4 /dev/root rw

no mount at all
`;

test('mountinfo is read with its optional fields and its escapes', () => {
  expect(parseMountinfo(text).map(({ target, type, root }) => [target, type, root])).toEqual([
    ['/', 'ext4', '/'],
    ['/sys/fs/cgroup/unified', 'cgroup2', '/'],
    ['/run/tendril/a/netns/node-1', 'nsfs', 'net:[4026532281]'],
    ['/run/tendril/ab', 'tmpfs', '/'],
    ['/mnt/a\\b', 'ext4', '/srv/with space'],
  ]);
});

test('mounts below a path are those of its tree, not of its namesakes', () => {
  const targets = (path: string) => mountsBelow(path, parseMountinfo(text)).map(({ target }) => target);
  expect(targets('/run/tendril/a')).toEqual(['/run/tendril/a/netns/node-1']);
  expect(targets('/run/tendril/ab')).toEqual(['/run/tendril/ab']);
  expect(targets('/run/tendril/')).toHaveLength(2);
});

test('this process sees its root', () => {
  expect(readMounts().some(({ target }) => target === '/')).toBe(true);
});

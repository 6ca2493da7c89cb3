/** Which files are written, on directories that stand for cgroup file systems. The kernel: limited-cgroups.root.test.ts */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MountEntry } from '../mount/mount-table.ts';
import { LimitedCgroups } from './limited-cgroups.ts';

let root: string;
let mounts: MountEntry[];

const at = (...path: string[]) => join(root, ...path);
const read = (...path: string[]) => readFileSync(at(...path), 'utf8');

function mount(type: string, name: string, options = 'rw'): void {
  mkdirSync(at(name));
  mounts.push({ type, target: at(name), root: '/', source: type, options });
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tendril-cgroups-'));
  mounts = [];
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('version 2 alone', () => {
  beforeEach(() => {
    mount('cgroup2', 'two');
    mkdirSync(at('two/tendril'));
    writeFileSync(at('two/tendril/cgroup.controllers'), 'cpuset cpu memory pids\n');
  });

  test('controllers are given on from our own group down, and limits written', () => {
    const cgroups = new LimitedCgroups(at('two/tendril'), mounts);
    expect(cgroups.missing).toEqual([]);
    cgroups.ensureParent(at('two/tendril/lab/pod'), { pids: 1024, memory: 2 ** 30 });
    const entered = cgroups.ensureLeaf(at('two/tendril/lab/pod/app.0'), { memory: 64e6, cpu: 0.25 });
    expect(entered).toEqual([]);
    for (const group of ['', 'lab', 'lab/pod'])
      expect(read('two/tendril', group, 'cgroup.subtree_control')).toBe('+memory +pids +cpu');
    expect(existsSync(at('two/cgroup.subtree_control'))).toBe(false);
    expect(read('two/tendril/lab/pod/pids.max')).toBe('1024');
    expect(read('two/tendril/lab/pod/memory.max')).toBe('1073741824');
    expect(read('two/tendril/lab/pod/app.0/memory.max')).toBe('64000000');
    expect(read('two/tendril/lab/pod/app.0/memory.oom.group')).toBe('1');
    expect(read('two/tendril/lab/pod/app.0/cpu.max')).toBe('25000 100000');
    expect(existsSync(at('two/tendril/lab/pod/app.0/cgroup.subtree_control'))).toBe(false);
    expect(existsSync(at('two/tendril/lab/pod/app.0/memory.swap.max'))).toBe(false);
  });

  test('a controller that the root does not pass on is missing, and its limits are not written', () => {
    writeFileSync(at('two/tendril/cgroup.controllers'), 'pids\n');
    const cgroups = new LimitedCgroups(at('two/tendril'), mounts);
    expect(cgroups.missing.map(({ controller }) => controller)).toEqual(['memory', 'cpu']);
    cgroups.ensureParent(at('two/tendril/pod'), { memory: 1e6, pids: 5 });
    expect(cgroups.ensureLeaf(at('two/tendril/pod/app'), { memory: 1e6 })).toEqual([]);
    expect(existsSync(at('two/tendril/pod/memory.max'))).toBe(false);
    expect(cgroups.oomKills(at('two/tendril/pod/app'))).toBe(0);
  });

  test('processes killed for want of memory are counted', () => {
    const cgroups = new LimitedCgroups(at('two/tendril'), mounts);
    writeFileSync(at('two/tendril/memory.events'), 'max 7\noom 3\noom_kill 2\noom_group_kill 1\n');
    expect(cgroups.oomKills(at('two/tendril'))).toBe(2);
  });
});

describe('version 1 beside', () => {
  beforeEach(() => {
    mount('cgroup2', 'two');
    mount('cgroup', 'memory', 'rw,memory');
    mount('cgroup', 'rest', 'rw,cpu,pids');
  });

  test('the same groups, where there are limits; none is only counted', () => {
    const cgroups = new LimitedCgroups(at('two/tendril'), mounts);
    const pod = at('two/tendril/lab/pod');
    cgroups.ensureParent(pod, { pids: 1024 });
    expect(existsSync(at('memory/tendril/lab'))).toBe(false);
    const limits = { pids: Number.POSITIVE_INFINITY, memory: 1e6, cpu: 0.001 };
    expect(cgroups.ensureLeaf(join(pod, 'app.0'), limits)).toEqual([
      at('memory/tendril/lab/pod/app.0'),
      at('rest/tendril/lab/pod/app.0'),
    ]);
    expect(read('rest/tendril/lab/pod/pids.max')).toBe('1024');
    expect(existsSync(at('rest/tendril/lab/pod/app.0/pids.max'))).toBe(false);
    expect(read('rest/tendril/lab/pod/app.0/cpu.cfs_quota_us')).toBe('1000');
    expect(read('memory/tendril/lab/pod/app.0/memory.limit_in_bytes')).toBe('1000000');
    expect(existsSync(join(pod, 'cgroup.subtree_control'))).toBe(false);
    writeFileSync(at('memory/tendril/lab/pod/app.0/memory.oom_control'), 'under_oom 0\noom_kill 4\n');
    expect(cgroups.oomKills(join(pod, 'app.0'))).toBe(4);
  });

  test('a hierarchy in which no group can be made is missing, with the reason', () => {
    writeFileSync(at('memory/tendril'), 'in the way');
    const { missing } = new LimitedCgroups(at('two/tendril'), mounts);
    expect(missing).toEqual([
      { controller: 'memory', reason: expect.stringMatching(/create cgroup .*EEXIST/) },
    ]);
  });
});

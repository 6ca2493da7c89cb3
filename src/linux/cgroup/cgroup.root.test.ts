import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  addProcess,
  cgroupMount,
  ensureCgroup,
  isPopulated,
  killCgroup,
  processes,
  removeCgroup,
} from './cgroup.ts';

let group: string;

beforeEach(() => {
  group = join(cgroupMount(), `tendril-test-${process.pid}`);
  ensureCgroup(join(group, 'a', 'b'));
});

afterEach(async () => {
  killCgroup(group);
  await removeCgroup(group);
});

function sleeper(path: string): { pid: number; ended: Promise<unknown> } {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  addProcess(path, child.pid!);
  return { pid: child.pid!, ended: once(child, 'exit') };
}

test('processes of a group are those of its whole tree', () => {
  const [outer, inner] = [sleeper(group), sleeper(join(group, 'a', 'b'))];
  expect(processes(group)).toEqual([outer.pid, inner.pid]);
  expect(processes(join(group, 'a'))).toEqual([inner.pid]);
  expect(processes(join(group, 'none'))).toEqual([]);
  expect(isPopulated(group)).toBe(true);
});

test('a group is killed as one, and removed when its processes have ended', async () => {
  const { ended } = sleeper(join(group, 'a', 'b'));
  killCgroup(group);
  expect(await removeCgroup(group)).toBe(true);
  expect(existsSync(group)).toBe(false);
  expect(await removeCgroup(group)).toBe(false);
  expect(await ended).toEqual([null, 'SIGKILL']);
  killCgroup(group);
});

test('a group with a process that lives is not removed, and the error names the process', async () => {
  const { pid } = sleeper(join(group, 'a'));
  await expect(removeCgroup(group, { timeoutMs: 10 })).rejects.toMatchObject({
    errnoName: 'EBUSY',
    message: expect.stringContaining(`processes ${pid} are in it`),
  });
});

test('a process that does not exist cannot be moved', () => {
  expect(() => addProcess(group, 2 ** 22 + 1)).toThrow(/move process 4194305 to cgroup .*: ESRCH/);
});

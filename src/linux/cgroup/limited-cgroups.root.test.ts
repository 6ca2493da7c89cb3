import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cgroupMount, killCgroup } from './cgroup.ts';
import { type Controller, everywhere } from './hierarchies.ts';
import { LimitedCgroups } from './limited-cgroups.ts';

const top = join(cgroupMount(), `tendril-test-limits-${process.pid}`);
const pod = join(top, 'pod');
const leaf = join(pod, 'app.0');

let cgroups: LimitedCgroups;

beforeEach(() => {
  cgroups = new LimitedCgroups(top);
});

afterEach(async () => {
  killCgroup(top);
  await cgroups.remove(top);
  expect(everywhere(top).filter(existsSync)).toEqual([]);
});

/** A shell that enters the group before it runs the script. */
async function run(entered: string[], script: string) {
  const groups = [leaf, ...entered].map((group) => join(group, 'cgroup.procs'));
  const enter = groups.map((file) => `echo $$ > ${file}`).join('; ');
  const child = spawn('sh', ['-c', `${enter}; ${script}`], { stdio: ['ignore', 'pipe', 'ignore'] });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  const [code, signal] = await once(child, 'close');
  return { code, signal, output: Buffer.concat(output).toString() };
}

const missing = (controller: Controller) =>
  cgroups.missing.find((each) => each.controller === controller)?.reason;

test('a group has no more processes than it may', async ({ skip }) => {
  skip(missing('pids') !== undefined, missing('pids'));
  cgroups.ensureParent(pod, { pids: 5 });
  const entered = cgroups.ensureLeaf(leaf, { pids: Number.POSITIVE_INFINITY });
  // A shell that cannot fork ends; what it started is killed with the group.
  const script = 'for i in 1 2 3 4 5 6 7; do sleep 100 > /dev/null & echo started; done';
  const { output } = await run(entered, script);
  expect(output.match(/started/g)).toHaveLength(4);
});

test('a process over the limit of memory is killed, and counted', async ({ skip }) => {
  skip(missing('memory') !== undefined, missing('memory'));
  cgroups.ensureParent(pod, { memory: Number.POSITIVE_INFINITY });
  const entered = cgroups.ensureLeaf(leaf, { memory: 16 * 2 ** 20 });
  expect(cgroups.oomKills(leaf)).toBe(0);
  const { signal } = await run(entered, 'exec head -c 64M /dev/zero | tail');
  expect([null, 'SIGKILL']).toContain(signal);
  expect(cgroups.oomKills(leaf)).toBeGreaterThan(0);
});

test('a limit of CPU throttles', async ({ skip }) => {
  skip(missing('cpu') !== undefined, missing('cpu'));
  cgroups.ensureParent(pod, { cpu: Number.POSITIVE_INFINITY });
  const entered = cgroups.ensureLeaf(leaf, { cpu: 0.05 });
  const stat = entered.find((group) => existsSync(join(group, 'cpu.cfs_quota_us'))) ?? leaf;
  const script = `i=0; until grep -q 'nr_throttled [1-9]' ${stat}/cpu.stat; do i=$((i+1)); done; echo throttled`;
  const { output } = await run(entered, script);
  expect(output).toBe('throttled\n');
});

test('a limit that the kernel refuses: the error says which and where', () => {
  cgroups.ensureParent(pod, {});
  cgroups.ensureLeaf(leaf, {});
  writeFileSync(join(leaf, 'cgroup.max.depth'), '0');
  expect(() => cgroups.ensureLeaf(join(leaf, 'below'), {})).toThrow(/create cgroup .*below/);
});

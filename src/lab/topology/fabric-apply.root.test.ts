import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { deleteNetns } from '../../linux/netns/netns.ts';
import { UndoStack } from '../../util/undo-stack.ts';
import { applyFabric } from './fabric-apply.ts';
import { planFabric } from './fabric-plan.ts';
import { planLab } from './lab-options.ts';

let directory: string;
const netns = (name: string) => join(directory, name);
const plan = planFabric(
  planLab({
    name: 'test',
    nodes: 2,
    ipFamily: 'dual',
    podCidrs: [],
    serviceCidrs: [],
    fastProbes: false,
    podPidsLimit: 1024,
    internet: false,
    program: '/',
  }),
);
const names = [plan.netns, ...plan.hosts.map((host) => host.netns)];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-fabric-'));
});

afterEach(() => {
  for (const name of names) deleteNetns(netns(name));
  rmSync(directory, { recursive: true });
});

const ping = (from: string, address: string) =>
  execFileSync('nsenter', [`--net=${netns(from)}`, 'ping', '-c1', '-W2', '-n', address]).toString();

test('every host reaches every other and the world, in both families, at once', () => {
  const undo = new UndoStack();
  applyFabric(plan, { netns, undo });
  for (const address of [
    '172.20.0.2',
    'fd00:10:20::2',
    '172.20.0.12',
    'fd00:10:20::c',
    '198.51.100.7',
    '2001:db8::7',
  ]) {
    expect(ping('node-1', address)).toContain('1 received');
  }
  expect(ping('outside', 'fd00:10:20::b')).toContain('1 received');
});

test('what a failed bring-up made is undone', async () => {
  {
    await using undo = new UndoStack();
    applyFabric(plan, { netns, undo });
  }
  for (const name of names) expect(deleteNetns(netns(name))).toBe(false);
});

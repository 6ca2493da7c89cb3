import { expect, test } from 'vitest';
import { readReport } from './agent-report.ts';
import type { NodeStatus } from './control-protocol.ts';
import { notEnforced, problemsOf } from './status.ts';

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

test('what keeps NetworkPolicies from being in force is a problem of the node', () => {
  const reported = readReport({
    services: { synced: true },
    policy: { enforced: false, problem: 'no room' },
  });
  const node = (policyProblem?: string): NodeStatus => ({
    ...{ name: 'node-1', ips: [], ready: true, pods: 0 },
    agent: {
      alive: true,
      restarts: 0,
      programmed: true,
      upToDate: true,
      ...(policyProblem && { policyProblem }),
    },
  });
  expect(problemsOf([node(reported.policyProblem)])).toEqual([
    'NetworkPolicies are not in force on node-1: no room',
  ]);
  expect(readReport({ policy: { enforced: true } })).not.toHaveProperty('policyProblem');
  expect(problemsOf([node()])).toEqual([]);
});

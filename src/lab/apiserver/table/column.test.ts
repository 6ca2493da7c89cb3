import { describe, expect, test } from 'vitest';
import { humanDuration } from './column.ts';
import { podStatusText } from './pod-columns.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe('ages', () => {
  test.each([
    [-5 * second, '<invalid>'],
    [-second / 2, '0s'],
    [119 * second, '119s'],
    [2 * minute, '2m'],
    [2 * minute + 5 * second, '2m5s'],
    [10 * minute + 5 * second, '10m'],
    [3 * hour, '3h'],
    [3 * hour + 4 * minute, '3h4m'],
    [47 * hour, '47h'],
    [2 * day, '2d'],
    [3 * day + 2 * hour, '3d2h'],
    [9 * day + 2 * hour, '9d'],
    [800 * day, '2y70d'],
    [3000 * day, '8y'],
  ])('%d ms is %s', (ms, text) => {
    expect(humanDuration(ms)).toBe(text);
  });
});

describe("a pod's status", () => {
  const pod = (status: object, metadata: object = {}, spec: object = {}) => ({ metadata, spec, status });
  const waiting = (reason: string) => ({ state: { waiting: { reason } } });
  const ended = (exitCode: number, more: object = {}) => ({ state: { terminated: { exitCode, ...more } } });
  test.each([
    ['Pending', pod({ phase: 'Pending' })],
    ['ContainerCreating', pod({ phase: 'Pending', containerStatuses: [waiting('ContainerCreating')] })],
    ['CrashLoopBackOff', pod({ phase: 'Running', containerStatuses: [waiting('CrashLoopBackOff')] })],
    ['Error', pod({ phase: 'Failed', containerStatuses: [ended(1, { reason: 'Error' })] })],
    ['ExitCode:3', pod({ phase: 'Failed', containerStatuses: [ended(3)] })],
    ['Completed', pod({ phase: 'Succeeded', containerStatuses: [ended(0, { reason: 'Completed' })] })],
    [
      'Init:0/1',
      pod(
        { phase: 'Pending', initContainerStatuses: [{ name: 'i', state: { running: {} } }] },
        {},
        { initContainers: [{ name: 'i' }] },
      ),
    ],
    ['Terminating', pod({ phase: 'Running' }, { deletionTimestamp: 'x' })],
    ['Evicted', pod({ phase: 'Failed', reason: 'Evicted' })],
  ])('%s', (text, object) => {
    expect(podStatusText(object)).toBe(text);
  });
});

import { expect, test } from 'vitest';
import { pod } from '../test-objects.ts';
import { inDeletionOrder } from './deletion-order.ts';

const now = Date.UTC(2026, 0, 2);
const running = { node: 'n1', ready: true } as const;

test.each([
  ['one without a node', pod('a', { phase: 'Pending' }), pod('b', running)],
  ['a pending one', pod('a', { node: 'n1', phase: 'Pending' }), pod('b', running)],
  ['one that is not ready', pod('a', { node: 'n1' }), pod('b', running)],
  [
    'the cheaper one',
    pod('a', { ...running, annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-1' } }),
    pod('b', running),
  ],
  ['one on a crowded node', pod('a', { ...running, node: 'crowded' }), pod('b', running)],
  [
    'one ready for a shorter time',
    pod('a', { ...running, ready: '2026-01-01T23:59:50Z' }),
    pod('b', running),
  ],
  ['one that restarted more', pod('a', { ...running, restarts: 3 }), pod('b', running)],
  [
    'a younger one',
    pod('a', { ...running, created: '2026-01-01T23:00:00Z' }),
    pod('b', { ...running, created: '2025-01-01T00:00:00Z' }),
  ],
])('%s goes first', (_what, first, last) => {
  const crowd = (name: string) => (name === 'crowded' ? 5 : 1);
  for (const pods of [
    [first, last],
    [last, first],
  ]) {
    expect(inDeletionOrder(pods, crowd, now).map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  }
});

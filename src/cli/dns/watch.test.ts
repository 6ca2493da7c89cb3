import { expect, test } from 'vitest';
import { answerLine } from './watch.ts';

test('a line an answer', () => {
  const time = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  const answer = { time, asker: '10.244.0.5', ifindex: 7, name: 'Web.shop.svc.cluster.local', type: 'AAAA' };
  expect(answerLine({ ...answer, result: 'empty' })).toBe(
    '2026-01-02T03:04:05.678Z  10.244.0.5  AAAA Web.shop.svc.cluster.local  empty',
  );
});

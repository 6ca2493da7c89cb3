import { expect, test } from 'vitest';
import { FloodGate } from './flood-gate.ts';

test('who floods is kept out until little of it waits', () => {
  const told: string[] = [];
  const waiting: Record<string, number> = { a: 1000, b: 1000, c: 1000 };
  const queue = { waitingOf: (source: string) => waiting[source] ?? 0 };
  const gate = new FloodGate(2, (sources) => told.push(sources.join(' ')));
  gate.settle(queue);
  for (const source of 'aabc') gate.shut(source);
  gate.settle(queue);
  gate.settle(queue);
  waiting.a = 64;
  gate.settle(queue);
  gate.shut('c');
  gate.settle(queue);
  waiting.b = waiting.c = 0;
  gate.settle(queue);
  expect(told).toEqual(['a b', 'b', 'b c', '']);
});

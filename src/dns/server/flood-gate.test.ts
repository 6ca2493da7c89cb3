import { expect, test } from 'vitest';
import { FloodGate } from './flood-gate.ts';

test('who floods is slow until it has kept to its share for a second', () => {
  const told: string[] = [];
  const gate = new FloodGate(2, (sources) => told.push(sources.join(' ')));
  gate.settle(0);
  for (const source of 'aabc') gate.refused(source, 100);
  gate.settle(100);
  gate.settle(500);
  gate.refused('b', 600);
  gate.settle(1099);
  expect(told).toEqual(['a b']);
  gate.settle(1100);
  gate.refused('c', 1200);
  gate.settle(1200);
  gate.settle(1600);
  gate.settle(2200);
  expect(told).toEqual(['a b', 'b', 'b c', 'c', '']);
});

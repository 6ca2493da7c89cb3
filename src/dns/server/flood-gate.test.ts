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

test('what cannot be told is told again with the next change, not with each datagram', () => {
  let tried = 0;
  const gate = new FloodGate(2, () => {
    tried++;
    throw new Error('no room');
  });
  gate.refused('a', 100);
  expect(() => gate.settle(100)).toThrow('no room');
  gate.refused('a', 101);
  gate.settle(101);
  expect(tried).toBe(1);
  gate.refused('b', 102);
  expect(() => gate.settle(102)).toThrow('no room');
});

import { expect, test } from 'vitest';
import { StreamTurns } from './stream-turns.ts';

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** A connection with so many queries at once: which it was, each time one is answered. */
function connection(turns: StreamTurns, address: string, served: string[], queries: number): void {
  let left = queries;
  const serve = () => {
    left--;
    served.push(address);
  };
  const proceed = () => {
    while (left > 0 && turns.admits()) serve();
    if (left > 0) turns.wait(address, () => { serve(); proceed(); }); // biome-ignore format: one line
  };
  proceed();
}

test('few are answered at once; of many, each address’s in its turn, some a turn of the event loop', async () => {
  const turns = new StreamTurns();
  const served: string[] = [];
  connection(turns, '10.0.0.1', served, 5);
  expect(served.length).toBe(5);
  for (let i = 0; i < 50; i++) connection(turns, '10.0.0.2', served, 1000);
  connection(turns, '10.0.0.3', served, 2);
  expect(served.length).toBe(32);
  await nextTurn();
  expect(served.length).toBe(64);
  expect(served.slice(32, 36)).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.2', '10.0.0.3']);
});

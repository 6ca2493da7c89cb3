import { expect, test } from 'vitest';
import fc from '../../util/testing/properties.ts';
import { portBlocks } from './port-range.ts';

test.each([
  [80, 80, ['80/16']],
  [80, 81, ['80/15']],
  [81, 84, ['81/16', '82/15', '84/16']],
  [0, 65535, ['0/0']],
  [81, 80, []],
])('%i to %i', (first, last, expected) => {
  expect(portBlocks(6, first, last).map(({ port, portBits }) => `${port}/${portBits}`)).toEqual(expected);
});

test('blocks follow one another from the first port to the last, each aligned to its size', () => {
  const port = fc.nat(65535);
  fc.assert(
    fc.property(port, port, (a, b) => {
      const [first, last] = [Math.min(a, b), Math.max(a, b)];
      let next = first;
      for (const { port, portBits } of portBlocks(6, first, last)) {
        const size = 2 ** (16 - portBits);
        expect([port, port % size]).toEqual([next, 0]);
        next = port + size;
      }
      expect(next).toBe(last + 1);
    }),
  );
});

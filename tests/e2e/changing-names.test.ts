/** A few random changes of a cluster's names, asked for meanwhile by a pod's resolvers; many in tests/fuzz/changing-names.test.ts. */
import { afterAll, beforeAll, test } from 'vitest';
import fc from '../../src/util/testing/properties.ts';
import { type NamesLab, startNamesLab, steps } from './support/changing-names.ts';

let lab: NamesLab | undefined;
beforeAll(async () => {
  lab = await startNamesLab();
});
afterAll(() => lab?.[Symbol.asyncDispose]());

test('whatever changes, names give what they gave before or what they must give now', async () => {
  const run = (all: Parameters<NamesLab['tryOut']>[0]) => lab!.tryOut(all);
  await fc.assert(fc.asyncProperty(steps(12), run), { numRuns: 1, endOnFailure: true });
}, 240_000);

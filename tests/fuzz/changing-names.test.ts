/** Random changes of a cluster's names, from many seeds: FUZZ_SEED and FUZZ_RUNS choose others. */
import { afterAll, beforeAll, test } from 'vitest';
import fc from '../../src/util/testing/properties.ts';
import { type NamesLab, startNamesLab, steps } from '../e2e/support/changing-names.ts';

const numRuns = Number(process.env.FUZZ_RUNS ?? 20);
let lab: NamesLab | undefined;
beforeAll(async () => {
  lab = await startNamesLab();
}, 120_000);
afterAll(() => lab?.[Symbol.asyncDispose](), 120_000);

test('whatever changes, names give what they gave before or what they must give now', async () => {
  const run = (all: Parameters<NamesLab['tryOut']>[0]) => lab!.tryOut(all);
  await fc.assert(fc.asyncProperty(steps(15), run), { numRuns, endOnFailure: true });
});

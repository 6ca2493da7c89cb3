/**
 * How long a property is tried and from which seed: both from the environment, so that a failure of last night's is
 * run again with `FUZZ_SEED=… FUZZ_SECONDS=…`.
 */
import type { Parameters } from 'fast-check';

/** Printed once a file; a failure names it again, with the path to the smallest case. */
export const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);

const seconds = Number(process.env.FUZZ_SECONDS ?? 20);

export function announceSeed(file: string): void {
  console.log(`${file}: FUZZ_SEED=${seed} FUZZ_SECONDS=${seconds}`);
}

/** Options of fc.assert for one of a file's properties: `share` of the file's seconds, however many cases that is. */
export function bounded<T>(share: number): Parameters<T> {
  return {
    seed,
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: share * seconds * 1000,
    markInterruptAsFailure: false,
  };
}

/**
 * fast-check with a seed that stays: what a test says of a change is the same each time. Another seed looks for what
 * this one does not find: `FUZZ_SEED=$RANDOM vitest run --project unit`.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.FUZZ_SEED ?? 1035) });

export default fc;

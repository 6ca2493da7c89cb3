/** The values of -o. */
import { TendrilError } from '../../util/errors.ts';

/**
 * The chosen format, one of `allowed`; undefined for the command's plain text.
 * @throws TendrilError USAGE
 */
export function chooseFormat<F extends string>(
  given: string | undefined,
  allowed: readonly F[],
): F | undefined {
  if (given === undefined) return undefined;
  const found = allowed.find((format) => format === given);
  if (found === undefined)
    throw new TendrilError('USAGE', `-o ${given} is not possible; choose from ${allowed.join(', ')}`);
  return found;
}

/** Prints a value as JSON, as `-o json` does everywhere. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 4)}\n`);
}

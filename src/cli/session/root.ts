/** Commands that touch the kernel need root. */
import { TendrilError } from '../../util/errors.ts';

/** @throws TendrilError NOT_ROOT */
export function requireRoot(command: string): void {
  if (process.getuid?.() === 0) return;
  throw new TendrilError(
    'NOT_ROOT',
    `tendril ${command} needs root: it makes network namespaces and loads kernel programs`,
    {
      remedy: `Run: sudo tendril ${command} …`,
    },
  );
}

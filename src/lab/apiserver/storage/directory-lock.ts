/** One process at a time in a directory; the lock of one that is gone is nobody's. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, TendrilError } from '../../../util/errors.ts';

/** A process's number is another's some day; with its start (proc(5), field 22) it is one's own. */
function identityOf(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    // One that has ended and that nobody has waited for yet holds nothing.
    return ['Z', 'X'].includes(fields[0]!) ? undefined : `${pid} ${fields[19]}\n`;
  } catch {
    return undefined;
  }
}

/**
 * Takes the lock, a file to be removed at the end.
 * @throws TendrilError BAD_INPUT where another process has it, or the directory cannot be written to
 */
export function takeLock(directory: string): string {
  const path = join(directory, 'lock');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(path, identityOf(process.pid)!, { flag: 'wx', mode: 0o600 });
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new TendrilError(
          'BAD_INPUT',
          `the state cannot be kept in ${directory}: ${describeError(error)}`,
          {
            cause: error,
            remedy: 'Name a directory that can be written to.',
          },
        );
      const holder = readFileSync(path, 'utf8');
      if (holder === identityOf(Number.parseInt(holder, 10))) break;
      rmSync(path);
    }
  }
  throw new TendrilError('BAD_INPUT', `${directory} is in use by another lab`, {
    remedy: 'Take that lab down, or name another directory.',
  });
}

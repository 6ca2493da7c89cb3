/**
 * Paths below a directory that a container can write to. Its symbolic links must never lead a mount out of the
 * directory: not to the machine's files, not to another pod's.
 */
import { mkdir, realpath } from 'node:fs/promises';
import { dirname, join, normalize, sep } from 'node:path';
import { TendrilError } from '../../../util/errors.ts';

/**
 * The real path of `path` below `root`, where `..` and links may not leave it; what is missing of it is made as a
 * directory unless `create` is false.
 * @throws TendrilError BAD_INPUT for a path that leads out
 */
export async function containedPath(
  root: string,
  path: string,
  options: { create?: boolean } = {},
): Promise<string> {
  const base = await realpath(root);
  const target = join(base, normalize(join('/', path)));
  await checkDeepest(base, target, path);
  if (options.create !== false) await mkdir(target, { recursive: true, mode: 0o755 }).catch(ignoreExisting);
  const real = await realpath(target).catch(() => target);
  assertBelow(base, real, path);
  return real;
}

/** mkdir follows links: the deepest part that exists must already lie inside. */
async function checkDeepest(base: string, target: string, path: string): Promise<void> {
  for (let at = target; at.length >= base.length; at = dirname(at)) {
    const real = await realpath(at).catch(() => undefined);
    if (real === undefined) continue;
    assertBelow(base, real, path);
    return;
  }
}

function assertBelow(base: string, real: string, path: string): void {
  if (real === base || real.startsWith(base + sep)) return;
  throw new TendrilError('BAD_INPUT', `path "${path}" leads out of its volume`);
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

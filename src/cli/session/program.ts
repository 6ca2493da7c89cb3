/** Where the program lies: the directory that holds dist/ and bin/. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TendrilError } from '../../util/errors.ts';

/** Found upwards from this module, which is a source file or a part of the bundle. */
export function programDirectory(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'bin', 'tendril'))) {
    const parent = dirname(directory);
    if (parent === directory)
      throw new TendrilError('INTERNAL', 'the program does not find its own directory');
    directory = parent;
  }
  return directory;
}

/** The files that a Corefile imports. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, sep } from 'node:path';
import type { Place } from './directive.ts';
import { corefileError } from './options.ts';

/** Reads files for the parser; tests give their own. */
export interface CorefileSources {
  /** @throws Error where there is no such file, or it is a directory */
  read(path: string): string;
  /** Names in a directory; none where it is no directory. */
  list(directory: string): readonly string[];
}

export const fileSources: CorefileSources = {
  read: (path) => readFileSync(path, 'utf8'),
  list: (directory) => {
    try {
      return statSync(directory).isDirectory() ? readdirSync(directory) : [];
    } catch {
      return [];
    }
  },
};

const wildcard = /[*?]/;

/**
 * The files that an import's pattern names, seen from the file that it stands in, in the order of their names.
 * One `*` and one `?` at the most, as Caddy has it: more can run for hours.
 *
 * @throws COREFILE for other wildcards
 */
export function importedFiles(pattern: string, at: Place, sources: CorefileSources): string[] {
  const path = isAbsolute(pattern) ? pattern : join(dirname(at.file), pattern);
  const counted = (char: string) => path.split(char).length - 1;
  if (counted('*') > 1 || counted('?') > 1 || /\[.*\]/.test(path))
    throw corefileError(at, `the pattern "${pattern}" may have one wildcard (*) only`);
  if (!wildcard.test(path)) return [path];
  return expand(path.split(sep), sources);
}

function expand(parts: readonly string[], sources: CorefileSources): string[] {
  let paths = [''];
  parts.forEach((part, i) => {
    const joined = (path: string, name: string) => (i === 0 ? name : `${path}${sep}${name}`);
    paths = paths.flatMap((path) => {
      if (!wildcard.test(part)) return [joined(path, part)];
      const directory = path === '' ? (i === 0 ? '.' : sep) : path;
      return matching(part, sources.list(directory)).map((name) => joined(path, name));
    });
  });
  return paths;
}

function matching(pattern: string, names: readonly string[]): string[] {
  const escaped = pattern.replaceAll(/[.+^${}()|\\[\]]/g, '\\$&');
  const whole = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
  return names.filter((name) => whole.test(name)).sort();
}

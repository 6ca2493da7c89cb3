/**
 * Other network plugins' configurations on a node: put aside while Tendril's is in force, so that none takes its place
 * should that be gone for a moment, and given back. Their new names tell all that is to be known, and no runtime looks at them.
 */
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { conflistName } from '../agent/conflist.ts';

const aside = '.tendril-aside';
/** As libcni takes them (ConfFiles). */
const isConfiguration = (name: string): boolean => /\.(conf|conflist|json)$/.test(name);

/** Gives the names that they had; also those of an earlier run. @throws where the directory cannot be written */
export function putConflistsAside(directory: string): string[] {
  for (const name of list(directory))
    if (isConfiguration(name) && name !== conflistName)
      renameSync(join(directory, name), join(directory, `${name}${aside}`));
  return list(directory)
    .filter((name) => name.endsWith(aside))
    .map((name) => name.slice(0, -aside.length));
}

/** Gives their names. One that is there again under its own name stays as it is. */
export function giveConflistsBack(directory: string): string[] {
  const present = new Set(list(directory));
  const names = [...present]
    .filter((name) => name.endsWith(aside))
    .map((name) => name.slice(0, -aside.length));
  const restored = names.filter((name) => !present.has(name));
  for (const name of restored) renameSync(join(directory, `${name}${aside}`), join(directory, name));
  return restored;
}

/** Sorted; none where there is no such directory. */
function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

/** The search path of a resolv.conf(5). */
import { readFileSync } from 'node:fs';
import { canonicalName } from '../../message/name.ts';

/** Canonical domains of the file's last `search` or `domain` line; undefined where the file cannot be read. */
export function readSearchPath(file: string): string[] | undefined {
  try {
    return searchPathOf(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

export function searchPathOf(text: string): string[] {
  const lines = [...text.matchAll(/^(?:search|domain)[ \t]+([^#;\n]*)/gm)];
  const last = lines.at(-1)?.[1] ?? '';
  return last
    .split(/\s+/)
    .filter((word) => word !== '' && word !== '.')
    .map(canonicalName);
}

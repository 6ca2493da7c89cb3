/** Where manifests come from: files, directories (their *.yaml, *.yml and *.json, sorted), and `-` for stdin. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TendrilError } from '../../util/errors.ts';
import type { ManifestObject } from './document.ts';
import { parseManifests } from './parser.ts';
import { decodeText } from './text.ts';

/** @throws TendrilError BAD_MANIFEST */
export function loadManifests(sources: readonly string[]): ManifestObject[] {
  if (sources.filter((source) => source === '-').length > 1) {
    throw new TendrilError('USAGE', '-f - can be given once: there is one standard input');
  }
  return sources.flatMap((source) => {
    const objects = filesOf(source).flatMap((file) => {
      const name = file === '-' ? 'stdin' : file;
      return parseManifests(decodeText(readBytes(file), name), name);
    });
    if (objects.length === 0)
      throw new TendrilError(
        'BAD_MANIFEST',
        `${source === '-' ? 'stdin' : source} holds no Kubernetes object`,
      );
    return objects;
  });
}

function filesOf(source: string): string[] {
  if (source === '-' || !statOf(source).isDirectory()) return [source];
  return readdirSync(source)
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .sort()
    .map((name) => join(source, name));
}

function statOf(source: string): ReturnType<typeof statSync> & object {
  try {
    return statSync(source);
  } catch (cause) {
    throw unreadable(source, cause);
  }
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(file: string, cause: unknown): TendrilError {
  const reason =
    (cause as { code?: string }).code === 'ENOENT'
      ? 'there is no such file or directory'
      : 'it cannot be read';
  return new TendrilError('BAD_MANIFEST', `${file}: ${reason}`, { cause });
}

/** Where on this node an agent put things, by its settings: for who removes them after the settings are gone. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AgentConfig } from '../config.ts';

export type UsedPlaces = Partial<Pick<AgentConfig, 'uplink' | 'cniConfDirectory' | 'cniBinDirectory'>>;

export function recordUsedPlaces(
  path: string,
  { uplink, cniConfDirectory, cniBinDirectory }: UsedPlaces,
): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, JSON.stringify({ uplink, cniConfDirectory, cniBinDirectory }), {
    mode: 0o600,
  });
  renameSync(`${path}.new`, path);
}

/** Nothing where no agent has recorded any, or what is there cannot be read. */
export function recallUsedPlaces(path: string): UsedPlaces {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as UsedPlaces;
  } catch {
    return {};
  }
}

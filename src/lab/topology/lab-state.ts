/** Which labs there are, by what lies in /run/tendril and in the cgroup tree. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { TendrilError } from '../../util/errors.ts';
import type { LabConfig } from './lab-config.ts';

/**
 * Everything of every lab lies below this directory, and below the cgroup of its last part. TENDRIL_RUN chooses
 * another one, whose labs know nothing of the rest: for tests of `down --all`.
 */
export const labsDirectory = resolve(process.env.TENDRIL_RUN || '/run/tendril');

/** Names of all labs of which anything is left: directories and cgroups. */
export function labNames(cgroupMount: string): string[] {
  const names = [labsDirectory, join(cgroupMount, basename(labsDirectory))].flatMap(directoriesIn);
  return [...new Set(names)].sort();
}

function directoriesIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

/** The configuration of a lab that is or was up; undefined where there is none that can be read. */
export function readLabConfig(name: string): LabConfig | undefined {
  try {
    return JSON.parse(readFileSync(join(labsDirectory, name, 'lab.json'), 'utf8')) as LabConfig;
  } catch {
    return undefined;
  }
}

/** @throws TendrilError LAB_MISSING */
export function requireLabConfig(name: string): LabConfig {
  const config = readLabConfig(name);
  if (config !== undefined) return config;
  const others = directoriesIn(labsDirectory);
  const remedy =
    others.length > 0
      ? `There is: ${others.join(', ')}. Choose with --name.`
      : 'Bring one up with: tendril up';
  throw new TendrilError('LAB_MISSING', `no lab named "${name}" is up`, { remedy });
}

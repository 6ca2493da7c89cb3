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
    return decodeLabConfig(readFileSync(configPath(name), 'utf8'));
  } catch {
    return undefined;
  }
}

/** @throws TendrilError LAB_MISSING; LAB_DAMAGED where its configuration is not whole */
export function requireLabConfig(name: string): LabConfig {
  const path = configPath(name);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw missing(name, cause);
  }
  try {
    return decodeLabConfig(text);
  } catch (cause) {
    const what = text.trim() === '' ? 'is empty' : 'is cut short or damaged';
    throw new TendrilError('LAB_DAMAGED', `the configuration of lab "${name}" ${what}: ${path}`, {
      remedy: `Its processes may still run. Take it down, and bring it up anew: tendril down --name ${name}`,
      cause,
    });
  }
}

const configPath = (name: string): string => join(labsDirectory, name, 'lab.json');

/** @throws Error where the text is no whole configuration */
function decodeLabConfig(text: string): LabConfig {
  const config = JSON.parse(text) as Partial<LabConfig> | null;
  if (typeof config?.name !== 'string' || !Array.isArray(config.nodes) || typeof config.program !== 'string')
    throw new TypeError('it names no lab, nodes or program');
  return config as LabConfig;
}

function missing(name: string, cause: unknown): TendrilError {
  if (existsSync(join(labsDirectory, name))) {
    return new TendrilError('LAB_UNREACHABLE', `lab "${name}" has no configuration yet, or no more`, {
      remedy: `It is coming up, or left remains; these go by: tendril down --name ${name}`,
      cause,
    });
  }
  const others = directoriesIn(labsDirectory);
  const remedy =
    others.length > 0
      ? `There is: ${others.join(', ')}. Choose with --name.`
      : 'Bring one up with: tendril up';
  return new TendrilError('LAB_MISSING', `no lab named "${name}" is up`, { remedy });
}

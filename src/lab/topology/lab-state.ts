/** Which labs there are, by what lies in /run/tendril and in the cgroup tree. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readMounts } from '../../linux/mount/mount-table.ts';
import { TendrilError } from '../../util/errors.ts';
import { type LabConfig, labsCgroup } from './lab-config.ts';

/**
 * Everything of every lab lies below this directory, and below the cgroup of its last part. TENDRIL_RUN chooses
 * another one, whose labs know nothing of the rest: for tests of `down --all`.
 */
export const labsDirectory = resolve(process.env.TENDRIL_RUN || '/run/tendril');

/** By which the table of mounts tells a lab's directory from any other. */
export const labMountSource = 'tendril-lab';

/** Names of all labs of which anything is left: directories, and cgroups in any hierarchy. */
export function labNames(hierarchies: readonly string[]): string[] {
  const all = directoriesIn(labsDirectory);
  const labs = all.filter((name) => !isForeign(name));
  // Beside what no lab made an empty directory is none's either.
  const directories = labs.length === all.length ? labs : labs.filter((name) => !isEmpty(name));
  const cgroups = hierarchies.flatMap((mount) => directoriesIn(join(mount, labsCgroup(labsDirectory))));
  return [...new Set([...directories, ...cgroups])].sort();
}

/**
 * Whether the name is that of a directory which no lab made: TENDRIL_RUN may lead anywhere. An empty one may be of an
 * `up` that was killed at once.
 */
export function isForeign(name: string): boolean {
  const path = join(labsDirectory, name);
  if (!existsSync(path)) return false;
  const at = realpathSync(path);
  const isLab = readMounts().some(({ target, source }) => target === at && source === labMountSource);
  return !isLab && !isEmpty(name);
}

const isEmpty = (name: string): boolean => readdirSync(join(labsDirectory, name)).length === 0;

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
  const others = directoriesIn(labsDirectory).filter((other) => readLabConfig(other) !== undefined);
  const remedy =
    others.length > 0
      ? `There is: ${others.join(', ')}. Choose with --name.`
      : 'Bring one up with: tendril up';
  return new TendrilError('LAB_MISSING', `no lab named "${name}" is up`, { remedy });
}

/** The CNI configuration and plugin that tell the container runtime of this node that pods can start. */
import type { Stats } from 'node:fs';
import { copyFile, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { completeRecordPath } from './complete-state.ts';
import type { AgentConfig } from './config.ts';

export const conflistName = '05-tendril.conflist';
export const shimName = 'tendril';

/** What the conflist tells the shim. */
type ShimConfig = Pick<AgentConfig, 'cniSocket' | 'stateDirectory' | 'bpfDirectory'>;

/** containerd 1.7 and older refuse 1.1.0 as `cniVersion`; newer ones choose from the list. */
export function renderConflist({ cniSocket, stateDirectory, bpfDirectory }: ShimConfig): string {
  const plugin = {
    ...{ type: 'tendril', socket: cniSocket },
    ...{ complete: completeRecordPath(stateDirectory), pins: bpfDirectory },
    capabilities: { portMappings: true },
  };
  const conflist = {
    cniVersion: '1.0.0',
    cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
    name: 'tendril',
    plugins: [plugin],
  };
  return `${JSON.stringify(conflist, null, 2)}\n`;
}

/**
 * Puts the shim where the runtime looks for plugins; a plugin that runs is replaced, not written over. Left alone where
 * it is right already. True when it was put there.
 */
export async function installShim(
  config: Pick<AgentConfig, 'objectsDirectory' | 'cniBinDirectory'>,
): Promise<boolean> {
  const { cniBinDirectory } = config;
  if (cniBinDirectory === undefined) return false;
  const source = join(config.objectsDirectory, '..', 'native', 'cni-shim');
  const path = join(cniBinDirectory, shimName);
  if (await isSameProgram(source, path)) return false;
  const temporary = join(cniBinDirectory, '.tendril.new');
  await mkdir(cniBinDirectory, { recursive: true });
  await copyFile(source, temporary);
  await rename(temporary, path);
  return true;
}

/** With the same bytes and the same right to be run. */
async function isSameProgram(one: string, other: string): Promise<boolean> {
  try {
    const [[bytes, { mode }], [otherBytes, { mode: otherMode }]] = (await Promise.all(
      [one, other].map((path) => Promise.all([readFile(path), stat(path)])),
    )) as [[Buffer, Stats], [Buffer, Stats]];
    return mode === otherMode && bytes.equals(otherBytes);
  } catch {
    return false;
  }
}

/**
 * In one step, by a name that runtimes do not look at, in the same directory: containerd's watcher sees a rename
 * within it only. Left alone where it is right already. True when it was written.
 */
export async function writeConflist(
  config: ShimConfig & Pick<AgentConfig, 'cniConfDirectory'>,
): Promise<boolean> {
  const path = join(config.cniConfDirectory, conflistName);
  const text = renderConflist(config);
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return false;
  await mkdir(config.cniConfDirectory, { recursive: true });
  const temporary = join(config.cniConfDirectory, '.tendril.new');
  await writeFile(temporary, text);
  await rename(temporary, path);
  return true;
}

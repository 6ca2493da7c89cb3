/** The CNI configuration and plugin that tell the container runtime of this node that pods can start. */
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentConfig } from './config.ts';

export const conflistName = '05-tendril.conflist';

/** containerd 1.7 and older refuse 1.1.0 as `cniVersion`; newer ones choose from the list. */
export function renderConflist({ cniSocket }: Pick<AgentConfig, 'cniSocket'>): string {
  const conflist = {
    cniVersion: '1.0.0',
    cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
    name: 'tendril',
    plugins: [{ type: 'tendril', socket: cniSocket }],
  };
  return `${JSON.stringify(conflist, null, 2)}\n`;
}

/** Puts the shim where the runtime looks for plugins; a plugin that runs is replaced, not written over. */
export async function installShim(
  config: Pick<AgentConfig, 'objectsDirectory' | 'cniBinDirectory'>,
): Promise<void> {
  if (config.cniBinDirectory === undefined) return;
  const temporary = join(config.cniBinDirectory, '.tendril.new');
  await mkdir(config.cniBinDirectory, { recursive: true });
  await copyFile(join(config.objectsDirectory, '..', 'native', 'cni-shim'), temporary);
  await rename(temporary, join(config.cniBinDirectory, 'tendril'));
}

/**
 * In one step, by a name that runtimes do not look at, in the same directory: containerd's watcher sees a rename
 * within it only. Left alone where it is right already.
 */
export async function writeConflist(
  config: Pick<AgentConfig, 'cniSocket' | 'cniConfDirectory'>,
): Promise<void> {
  const path = join(config.cniConfDirectory, conflistName);
  const text = renderConflist(config);
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return;
  await mkdir(config.cniConfDirectory, { recursive: true });
  const temporary = join(config.cniConfDirectory, '.tendril.new');
  await writeFile(temporary, text);
  await rename(temporary, path);
}

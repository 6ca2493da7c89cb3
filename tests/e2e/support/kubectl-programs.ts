/** The kubectls that tests use: Debian's, unpacked without being installed, and the machine's own if it is another one. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './tendril.ts';

export interface Kubectl {
  version: string;
  path: string;
}

function clientVersion(path: string): string | undefined {
  try {
    const { clientVersion } = JSON.parse(
      execFileSync(path, ['version', '--client', '-o', 'json'], { encoding: 'utf8' }),
    );
    return clientVersion.gitVersion;
  } catch {
    return undefined;
  }
}

/** Debian's package kubernetes-client, unpacked below .cache. @throws where apt cannot fetch it */
function unpackDebian(): string {
  const directory = join(root, '.cache', 'kubernetes-client');
  const path = join(directory, 'usr', 'bin', 'kubectl');
  if (existsSync(path)) return path;
  mkdirSync(directory, { recursive: true });
  execFileSync('apt-get', ['download', '-qq', 'kubernetes-client'], { cwd: directory, stdio: 'pipe' });
  const archive = readdirSync(directory).find((file) => file.endsWith('.deb'))!;
  execFileSync('dpkg', ['-x', join(directory, archive), directory]);
  return path;
}

/** One entry for each version; why one is missing is printed. */
export function kubectls(): Kubectl[] {
  const found = new Map<string, string>();
  const own = clientVersion('kubectl');
  if (own !== undefined) found.set(own, 'kubectl');
  try {
    const path = unpackDebian();
    found.set(clientVersion(path)!, path);
  } catch (error) {
    console.log(
      `skipped: Debian's kubernetes-client cannot be fetched: ${(error as Error).message.split('\n')[0]}`,
    );
  }
  return [...found].map(([version, path]) => ({ version, path }));
}

/** The current one, and Debian's: the machine's own may be any. */
export function oneOfEach(current: readonly Kubectl[], others: readonly Kubectl[]): Kubectl[] {
  return [...current, ...others.filter(({ version }) => version.startsWith('v1.20.'))];
}

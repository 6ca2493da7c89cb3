/** Programs of other architectures from npm, which installs only this machine's: packed, and checked as the lock file says. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Lock {
  packages: Record<string, { version: string; integrity: string }>;
}

/**
 * Unpacks a package, at the version of package-lock.json, below `directory` as npm would below node_modules, once.
 * @throws Error where what the registry gives is another than the lock file tells
 */
export function unpackNpm(root: string, name: string, directory: string): void {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
  const locked = packages[`node_modules/${name}`];
  if (locked === undefined) throw new Error(`package-lock.json has no ${name}`);
  const target = join(directory, name);
  if (existsSync(target) && versionIn(target) === locked.version) return;
  const partial = join(directory, '.partial');
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const words = ['pack', `${name}@${locked.version}`, '--json', '--silent', '--pack-destination', partial];
  const [packed] = JSON.parse(execFileSync('npm', words, { encoding: 'utf8', cwd: partial }));
  if (packed.integrity !== locked.integrity)
    throw new Error(`${name}@${locked.version} is not what package-lock.json names: ${packed.integrity}`);
  execFileSync('tar', ['-xzf', join(partial, packed.filename), '-C', partial]);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(dirname(target), { recursive: true });
  renameSync(join(partial, 'package'), target);
  rmSync(partial, { recursive: true });
}

const versionIn = (directory: string): string =>
  JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')).version;

/** musl's resolver, as images of Alpine have it: a program with Debian's musl in it, built once below .cache. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './tendril.ts';

/** The program's path: it prints the addresses of a name. Undefined where it cannot be built; why is printed. */
export function muslResolver(): string | undefined {
  const directory = join(root, '.cache', 'musl');
  const program = join(directory, 'resolve');
  if (existsSync(program)) return program;
  try {
    unpack(directory);
    link(directory, program);
    return program;
  } catch (error) {
    console.log(`skipped: musl's resolver cannot be built: ${(error as Error).message.split('\n')[0]}`);
    return undefined;
  }
}

function unpack(directory: string): void {
  mkdirSync(directory, { recursive: true });
  execFileSync('apt-get', ['download', '-qq', 'musl-dev'], { cwd: directory, stdio: 'pipe' });
  const archive = readdirSync(directory).find((file) => file.endsWith('.deb'))!;
  execFileSync('dpkg', ['-x', join(directory, archive), directory]);
}

/** Statically, with none of the machine's own C library. */
function link(directory: string, program: string): void {
  const places = readdirSync(join(directory, 'usr', 'include'));
  const triple = places.find((place) => place.endsWith('-linux-musl'))!;
  const library = (file: string) => join(directory, 'usr', 'lib', triple, file);
  const runtime = execFileSync('gcc', ['-print-libgcc-file-name'], { encoding: 'utf8' }).trim();
  execFileSync('gcc', [
    ...['-static', '-s', '-no-pie', '-nostdinc', '-nostdlib', '-O2', '-o', program],
    ...['-isystem', join(directory, 'usr', 'include', triple)],
    ...[library('crt1.o'), library('crti.o'), join(root, 'tests', 'e2e', 'support', 'resolve.c')],
    ...[library('libc.a'), runtime, library('crtn.o')],
  ]);
}

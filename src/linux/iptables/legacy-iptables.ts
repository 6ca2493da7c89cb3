/**
 * The older iptables' programs: they alone know its rules. Tendril's image has none; the node's own are taken, in its root
 * directory, where it has some.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TendrilError } from '../../util/errors.ts';

export type IpVersion = 4 | 6;

/** Names of the tables that the kernel has of it; none on one without. Of the thread's network namespace. */
export function legacyTables(version: IpVersion): string[] {
  try {
    const file = `/proc/net/ip${version === 4 ? '' : '6'}_tables_names`;
    return readFileSync(file, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}

const directories = ['usr/sbin', 'sbin', 'usr/bin', 'usr/local/sbin'];

/** Undefined where the node has none. `host`: its root directory. */
export function findLegacyProgram(
  version: IpVersion,
  host: string,
): ((what: string, input?: string) => string) | undefined {
  const name = version === 4 ? 'iptables' : 'ip6tables';
  for (const directory of directories) {
    const path = `/${directory}/xtables-legacy-multi`;
    if (existsSync(join(host, path)))
      return (what, input) => run(host, [path, `${name}-legacy-${what}`], input);
  }
  return undefined;
}

/** The kernel's rules are the namespace's, whatever the root directory is. */
function run(host: string, words: readonly string[], input = ''): string {
  const [program, args] =
    host === '/' ? [words[0]!, words.slice(1)] : ['nsenter', [`--root=${host}`, ...words]];
  const more = words[1]!.endsWith('restore') ? ['--noflush', '--wait'] : [];
  try {
    return execFileSync(program, [...args, ...more], { encoding: 'utf8', input, maxBuffer: 256 * 2 ** 20 });
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    throw new TendrilError('TOOL_FAILED', `${words[1]}: ${stderr.trim().split('\n')[0]}`, { cause });
  }
}

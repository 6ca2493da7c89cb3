/** DNS servers to measure beside: CoreDNS, built from its Go module, and Debian's nsd, unpacked without being installed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const cache = join(import.meta.dirname, '../../.cache/peers');
export const coreDnsVersion = 'v1.14.7';

/** The program's path; needs Go, and some minutes once. @throws Error where it cannot be built */
export function coreDns(): string {
  const path = join(cache, `coredns-${coreDnsVersion}`);
  if (existsSync(path)) return path;
  console.error(`building ${path}, once; this takes some minutes`);
  const env = { ...process.env, GOBIN: join(cache, 'bin'), CGO_ENABLED: '0', GOFLAGS: '-trimpath' };
  mkdirSync(env.GOBIN, { recursive: true });
  execFileSync('go', ['install', `github.com/coredns/coredns@${coreDnsVersion}`], { env, stdio: 'inherit' });
  execFileSync('mv', [join(env.GOBIN, 'coredns'), path]);
  return path;
}

export interface Nsd {
  version: string;
  /** What runs it in the foreground with a zone. */
  argv(directory: string, zone: { name: string; file: string }, ip: string): string[];
}

/** @throws Error where apt cannot fetch it */
export function nsd(): Nsd {
  const directory = join(cache, 'nsd');
  const program = join(directory, 'usr/sbin/nsd');
  if (!existsSync(program)) {
    mkdirSync(directory, { recursive: true });
    const packages = ['nsd', 'libevent-2.1-7', 'libprotobuf-c1', 'libfstrm0'];
    execFileSync('apt-get', ['download', '-qq', ...packages], { cwd: directory, stdio: 'pipe' });
    for (const file of readdirSync(directory).filter((name) => name.endsWith('.deb')))
      execFileSync('dpkg', ['-x', join(directory, file), directory]);
  }
  const libraries = join(
    directory,
    'usr/lib',
    `${execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim()}-linux-gnu`,
  );
  const env = `LD_LIBRARY_PATH=${libraries}`;
  const told = execFileSync('sh', ['-c', `${env} ${program} -v 2>&1 || true`], { encoding: 'utf8' });
  return {
    version: /NSD version (\S+)/.exec(told)?.[1] ?? 'unknown',
    argv: (at, zone, ip) => {
      const configuration = join(at, 'nsd.conf');
      const lines = [
        ...[
          'server:',
          ` ip-address: ${ip}@53`,
          ' server-count: 1',
          ' username: ""',
          ' database: ""',
          ' rrl-ratelimit: 0',
        ],
        ...[` zonesdir: ${at}`, ` pidfile: ""`, ` xfrdfile: ${at}/xfrd`, ` zonelistfile: ${at}/zones`],
        ...[
          'remote-control:',
          ' control-enable: no',
          'zone:',
          ` name: ${zone.name}`,
          ` zonefile: ${zone.file}`,
        ],
      ];
      writeFileSync(configuration, `${lines.join('\n')}\n`);
      return ['env', env, program, '-d', '-c', configuration];
    },
  };
}

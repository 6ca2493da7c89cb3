/** What the machine has, for comparison before and after a lab: whatever a lab makes must be gone. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupMount } from '../../../src/linux/cgroup/cgroup.ts';

export type HostSnapshot = Record<string, string[]>;

const lines = (text: string) => text.split('\n').filter((line) => line !== '');
const output = (file: string, ...args: string[]) =>
  execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

const sysctls = [
  'net/ipv4/ip_forward',
  'net/ipv6/conf/all/forwarding',
  'net/ipv4/ip_local_port_range',
  'net/ipv4/ip_local_reserved_ports',
  'net/ipv4/conf/all/rp_filter',
  'kernel/hostname',
  'kernel/sysrq',
  'fs/inotify/max_user_instances',
];

/** Everything a lab could leave behind, as sorted text. */
export function hostSnapshot(): HostSnapshot {
  return {
    links: names(output('ip', '-j', 'link'), 'ifname'),
    addresses: lines(output('ip', '-o', 'addr')).map(withoutLifetime),
    routes: lines(output('ip', 'route', 'show', 'table', 'all')),
    routes6: lines(output('ip', '-6', 'route', 'show', 'table', 'all')).map(withoutLifetime),
    rules: [...lines(output('ip', 'rule')), ...lines(output('ip', '-6', 'rule'))],
    nftables: lines(output('nft', 'list', 'ruleset')),
    mounts: lines(readFileSync('/proc/self/mountinfo', 'utf8'))
      .map((line) => line.split(' ')[4]!)
      .sort(),
    namespaces: networkNamespaces(),
    cgroups: cgroupsBelow(join(cgroupMount(), 'tendril')),
    bpfPrograms: bpfNames('prog'),
    bpfMaps: bpfNames('map'),
    processes: tendrilProcesses(),
    sysctls: sysctls
      .filter((key) => existsSync(`/proc/sys/${key}`))
      .map((key) => `${key}=${readFileSync(`/proc/sys/${key}`, 'utf8').trim()}`),
    files: existsSync('/run/tendril') ? readdirSync('/run/tendril').sort() : [],
  };
}

function names(json: string, key: string): string[] {
  return (JSON.parse(json) as Record<string, string>[]).map((item) => item[key]!).sort();
}

function withoutLifetime(line: string): string {
  return line.replace(/(valid_lft|preferred_lft|expires) \S+/g, '').trim();
}

/** By what processes are in and what is mounted. */
function networkNamespaces(): string[] {
  const found = new Set<string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      found.add(String(statSync(`/proc/${pid}/ns/net`).ino));
    } catch {
      // It ended meanwhile.
    }
  }
  return [...found].sort();
}

function cgroupsBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Names and ids of what the kernel holds, less what other programs on the machine have. */
function bpfNames(kind: 'prog' | 'map'): string[] {
  try {
    return (JSON.parse(output('bpftool', '-j', kind, 'show')) as { id: number; name?: string }[])
      .map(({ id, name }) => `${id} ${name}`)
      .sort();
  } catch {
    return ['bpftool is not here'];
  }
}

function tendrilProcesses(): string[] {
  return lines(output('ps', '-eo', 'args'))
    .filter((line) => /dist\/(main\.js|native\/)|tendril (up|agent|dns|lab-server)/.test(line))
    .sort();
}

/** What the machine has, for comparison before and after a lab: whatever a lab makes must be gone. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { hierarchies } from '../../../src/linux/cgroup/hierarchies.ts';
import { runDirectory } from './tendril.ts';

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

/** The kernel frees namespaces and programs a moment after their last user has gone. */
const settleMs = 5_000;

/** Fails unless the machine has nothing that it did not have before, at the latest after a moment. */
export async function expectSameHost(before: HostSnapshot): Promise<void> {
  const deadline = performance.now() + settleMs;
  let more = additions(before);
  while (Object.keys(more).length > 0 && performance.now() < deadline) {
    await sleep(50);
    more = additions(before);
  }
  expect(more).toEqual({});
}

/** What is there now and was not, by kind; and what was there and is not, for what a lab could have removed. */
function additions(before: HostSnapshot): HostSnapshot {
  const now = hostSnapshot();
  const changes = Object.entries(now).map(([kind, lines]) => {
    const added = lines.filter((line) => !before[kind]!.includes(line)).map((line) => `+ ${line}`);
    const missing = removable.includes(kind)
      ? before[kind]!.filter((line) => !lines.includes(line)).map((line) => `- ${line}`)
      : [];
    return [kind, [...added, ...missing]] as [string, string[]];
  });
  return Object.fromEntries(changes.filter(([, lines]) => lines.length > 0));
}

/** Kinds of which nothing else on the machine takes away while a test runs. */
const removable = ['links', 'addresses', 'routes', 'routes6', 'rules', 'nftables', 'sysctls'];

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
      .filter((target) => !isOfAnotherLab(target))
      .sort(),
    cgroups: hierarchies().flatMap((mount) => cgroupsBelow(join(mount, basename(runDirectory)))),
    ...bpfObjects(),
    processes: tendrilProcesses(),
    sysctls: sysctls
      .filter((key) => existsSync(`/proc/sys/${key}`))
      .map((key) => `${key}=${readFileSync(`/proc/sys/${key}`, 'utf8').trim()}`),
    files: existsSync(runDirectory) ? readdirSync(runDirectory).sort() : [],
  };
}

function names(json: string, key: string): string[] {
  return (JSON.parse(json) as Record<string, string>[]).map((item) => item[key]!).sort();
}

function withoutLifetime(line: string): string {
  return line.replace(/(valid_lft|preferred_lft|expires) \S+/g, '').trim();
}

function cgroupsBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Labs of others on the machine come and go. */
function isOfAnotherLab(path: string): boolean {
  return path.startsWith('/run/tendril') && !path.startsWith(`${runDirectory}/`);
}

interface BpfObject {
  id: number;
  name?: string;
  pinned?: string[];
  map_ids?: number[];
}

/**
 * Programs and maps of the kernel, less those of other labs, which are known by the maps that they pin. A network
 * namespace that is left behind shows here, too: its programs and their maps live as long as it.
 */
function bpfObjects(): { bpfPrograms: string[]; bpfMaps: string[] } {
  const [programs, maps] = [bpfList('prog'), bpfList('map')];
  const pinned = new Set(maps.filter(({ pinned = [] }) => pinned.some(isOfAnotherLab)).map(({ id }) => id));
  const isTheirs = ({ map_ids = [] }: BpfObject) => map_ids.some((id) => pinned.has(id));
  const theirMaps = new Set([...pinned, ...programs.filter(isTheirs).flatMap(({ map_ids = [] }) => map_ids)]);
  const text = ({ id, name }: BpfObject) => `${id} ${name}`;
  return {
    bpfPrograms: programs.filter((program) => !isTheirs(program)).map(text),
    bpfMaps: maps.filter(({ id }) => !theirMaps.has(id)).map(text),
  };
}

/** Empty where bpftool is not installed. */
function bpfList(kind: 'prog' | 'map'): BpfObject[] {
  try {
    return JSON.parse(output('bpftool', '-f', '-j', kind, 'show')) as BpfObject[];
  } catch {
    return [];
  }
}

function tendrilProcesses(): string[] {
  return lines(output('ps', '-eo', 'args'))
    .filter((line) => line.includes(runDirectory))
    .sort();
}

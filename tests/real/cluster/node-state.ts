/**
 * Everything that a network leaves on a node, kind by kind, to be compared with what was there before. Not what comes and
 * goes by itself: connections, counters, images, logs.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openNetns, withNetns } from '../../../src/linux/netns/netns.ts';
import { cgroupPrograms, tcxPrograms } from './attached-programs.ts';
import type { NodeLayout } from './layout.ts';
import { nodeCgroupDirectory, onNode } from './node.ts';
import { pidOf } from './process.ts';
import { byKey, type NodeState } from './state-difference.ts';
import * as parse from './state-parsers.ts';

type Things = ReadonlyMap<string, string>;

const directories = [
  ...['/etc/cni', '/opt/cni', '/var/lib/cni', '/var/lib/tendril', '/run/tendril', '/run/netns'],
];

export function readNodeState(node: NodeLayout): NodeState {
  const tell = (...words: string[]) => onNode(node, ...words);
  const both = (...words: string[]) => [4, 6].map((family) => tell('ip', '-j', `-${family}`, ...words));
  const [routes4, routes6] = both('route', 'show', 'table', 'all') as [string, string];
  const [rules4, rules6] = both('rule', 'show') as [string, string];
  return {
    links: parse.parseLinks(tell('ip', '-j', '-d', 'link')),
    addresses: parse.parseAddresses(tell('ip', '-j', 'addr')),
    routes: merged(parse.parseRoutes(routes4, 4), parse.parseRoutes(routes6, 6)),
    rules: merged(parse.parseRules(rules4, 4), parse.parseRules(rules6, 6)),
    neighbours: merged(
      ...both('neigh', 'show', 'nud', 'permanent').map((text) => parse.parseNeighbours(text, false)),
      ...both('neigh', 'show', 'proxy').map((text) => parse.parseNeighbours(text, true)),
    ),
    nftables: parse.parseNftables(tell('nft', '-j', 'list', 'ruleset')),
    iptables: iptables(node),
    // Some cannot be read: it says so and goes on.
    sysctls: parse.parseSysctls(tell('sh', '-c', 'sysctl -a 2>/dev/null; true')),
    'bpf pins': filesBelow(node, ['/sys/fs/bpf']),
    'cgroup programs': programsOfCgroups(node),
    'interface programs': programsOfInterfaces(node),
    files: filesBelow(node, directories),
    mounts: mounts(node),
    processes: processes(node),
  };
}

function merged(...all: readonly Things[]): Map<string, string> {
  return byKey(all.flatMap((things) => [...things]));
}

/** By both backends, as far as their programs are there. */
function iptables(node: NodeLayout): Map<string, string> {
  const programs = ['legacy', 'nft'].flatMap((backend) => [
    `iptables-${backend}-save`,
    `ip6tables-${backend}-save`,
  ]);
  return merged(
    ...programs.map((program) => {
      const text = onNode(node, 'sh', '-c', `! command -v ${program} >/dev/null || ${program} 2>/dev/null`);
      return parse.parseIptables(text, program);
    }),
  );
}

function filesBelow(node: NodeLayout, paths: readonly string[]): Map<string, string> {
  const format = '%p\\t%y %m %l %s\\n';
  const script = `for p; do [ ! -e "$p" ] || find "$p" -printf '${format}'; done`;
  return parse.parseFiles(onNode(node, 'sh', '-c', script, 'sh', ...paths));
}

function cgroupsOf(node: NodeLayout): string[] {
  const top = nodeCgroupDirectory(node);
  const below = readdirSync(top, { recursive: true, withFileTypes: true });
  return [
    top,
    ...below.filter((entry) => entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name)),
  ];
}

function programsOfCgroups(node: NodeLayout): Map<string, string> {
  const top = nodeCgroupDirectory(node);
  return byKey(
    cgroupsOf(node).flatMap((directory) =>
      Object.entries(cgroupPrograms(directory)).map(
        ([type, names]) => [`${directory.slice(top.length) || '/'} ${type}`, names.join(' ')] as const,
      ),
    ),
  );
}

interface Interface {
  ifindex: number;
  ifname: string;
  xdp?: unknown;
}

/** By tcx, as filters, and XDP. */
function programsOfInterfaces(node: NodeLayout): Map<string, string> {
  const links = JSON.parse(onNode(node, 'ip', '-j', 'link')) as Interface[];
  using netns = openNetns(`/run/netns/${node.netns}`);
  return byKey(
    links.flatMap(({ ifindex, ifname, xdp }) => [
      ...Object.entries(withNetns(netns, () => tcxPrograms(ifindex))).map(
        ([direction, names]) => [`${ifname} tcx ${direction}`, names.join(' ')] as const,
      ),
      ...filters(node, ifname),
      ...(xdp === undefined ? [] : [[`${ifname} xdp`, ''] as const]),
    ]),
  );
}

/** A clsact qdisc, and what its filters run. */
function filters(node: NodeLayout, name: string): (readonly [string, string])[] {
  const qdiscs = onNode(node, 'tc', 'qdisc', 'show', 'dev', name);
  if (!qdiscs.includes('clsact')) return [];
  const programs = ['ingress', 'egress'].flatMap((direction) => {
    const text = onNode(node, 'tc', 'filter', 'show', 'dev', name, direction);
    return [...text.matchAll(/pref (\d+) bpf .*handle \S+ (\S+)/g)].map(
      ([, place, program]) => [`${name} filter ${direction} ${place}`, program!] as const,
    );
  });
  return [[`${name} clsact`, ''], ...programs];
}

function mounts(node: NodeLayout): Map<string, string> {
  return parse.parseMounts(readFileSync(`/proc/${pidOf(`${node.name}-holder`)}/mountinfo`, 'utf8'));
}

/** By their command lines, each with how many there are. */
function processes(node: NodeLayout): Map<string, string> {
  const commands = cgroupsOf(node)
    .flatMap((directory) => readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n'))
    .filter(Boolean)
    .map(commandOf);
  const counts = new Map<string, number>();
  for (const command of commands) counts.set(command, (counts.get(command) ?? 0) + 1);
  return new Map([...counts].map(([command, count]) => [command, String(count)]));
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return 'gone';
  }
}

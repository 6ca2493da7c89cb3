/** What an agent leaves on its node, kind by kind, each with how it is removed. Each tolerates that there is nothing. */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { conflistName, shimName } from '../agent/conflist.ts';
import { formerSysctlsName, returnSysctls } from '../agent/former-sysctls.ts';
import type { Bpf } from '../linux/bpf/bpf.ts';
import { pinnedMapIds, untilMapsFreed } from '../linux/bpf/pinned-maps.ts';
import { type Link, type Route, type RouteNetlink, tendrilProtocol } from '../linux/netlink/route-netlink.ts';
import type { Nftables } from '../linux/nftables/nftables.ts';
import { formatCidr } from '../net/cidr.ts';
import { hostNamePrefix } from '../podnet/interface/pod-interface.ts';
import { masqueradeTable, renderMasqueradeRemoval } from '../podnet/masquerade.ts';
import { uplinkHooks } from '../service/backends/ebpf/hooks.ts';
import { systemClock } from '../util/clock.ts';
import { giveConflistsBack } from './conflists.ts';
import { keptTable } from './kube-proxy/nft-plan.ts';

/** Of the node's network namespace. */
export interface NodeParts {
  netlink: RouteNetlink;
  nftables: Nftables;
  bpf: Bpf;
}

export interface RemovalPaths {
  stateDirectory: string;
  runDirectory: string;
  cniSocket: string;
  cniConfDirectory: string;
  cniBinDirectory: string;
  /** Where libcni keeps results, a file for each attachment. */
  cniCacheDirectory: string;
  bpfDirectory: string;
  /** As the agent knew it last. */
  uplink: string | undefined;
}

export interface Removal {
  what: string;
  run(paths: RemovalPaths, parts: NodeParts): Promise<{ removed: string[]; kept?: string[] }>;
}

/** In this order, see remove-tendril.ts; then `removeState`. */
export const removals: readonly Removal[] = [
  // Also what nobody recorded, since whoever put it aside was ended before that.
  {
    what: "others' conflists",
    run: async ({ cniConfDirectory }) => ({ removed: giveConflistsBack(cniConfDirectory) }),
  },
  { what: 'CNI files', run: async (paths) => ({ removed: removeCniFiles(paths) }) },
  { what: 'interfaces', run: async (_, parts) => ({ removed: await removeInterfaces(parts) }) },
  { what: 'BPF', run: async (paths, parts) => ({ removed: await removeBpf(paths, parts) }) },
  { what: 'routes', run: async (_, { netlink }) => ({ removed: removeRoutes(netlink) }) },
  { what: 'nftables', run: async (_, { nftables }) => ({ removed: await removeTables(nftables) }) },
  { what: 'sysctls', run: async (paths) => giveSysctlsBack(paths) },
];

/** Also of a copy that was cut short. */
const temporaryName = '.tendril.new';

function removeCniFiles({ cniConfDirectory, cniBinDirectory, cniCacheDirectory }: RemovalPaths): string[] {
  // Named by network, container and interface (libcni).
  const results = existsSync(cniCacheDirectory) ? readdirSync(cniCacheDirectory) : [];
  return [
    ...[conflistName, temporaryName].map((name) => join(cniConfDirectory, name)),
    ...[shimName, temporaryName].map((name) => join(cniBinDirectory, name)),
    ...results.filter((name) => name.startsWith('tendril-')).map((name) => join(cniCacheDirectory, name)),
  ].filter(removeFile);
}

function removeFile(path: string): boolean {
  const wasThere = existsSync(path);
  rmSync(path, { recursive: true, force: true });
  return wasThere;
}

/** The node's ends of what pods have. */
export function podInterfaces({ netlink }: NodeParts): Link[] {
  return netlink.links().filter(({ kind, name }) => kind === 'veth' && name.startsWith(hostNamePrefix));
}

async function removeInterfaces(parts: NodeParts): Promise<string[]> {
  const links = podInterfaces(parts);
  await Promise.all(links.map(({ index }) => parts.netlink.removeLink(index)));
  return links.map(({ name }) => name);
}

/** A program that is attached holds the maps, so that they tell when all of it is gone. */
const freedMs = 30_000;

/** Attachments end at once and not with their pins, whose end takes its time. */
async function removeBpf(
  { bpfDirectory, uplink }: RemovalPaths,
  { bpf, netlink }: NodeParts,
): Promise<string[]> {
  const maps = pinnedMapIds(bpfDirectory);
  const links = pinnedLinks(bpfDirectory).filter((pin) => bpf.detach(pin));
  const filters = removeFilters(bpfDirectory, { bpf, ifindex: uplink && netlink.link(uplink)?.index });
  const wasThere = existsSync(bpfDirectory);
  bpf.clear(bpfDirectory);
  const left = await untilMapsFreed(maps, { timeoutMs: freedMs, clock: systemClock });
  if (left.length > 0) throw new Error(`a process still holds the maps ${left.join(', ')}`);
  return [...links, ...filters, ...(wasThere ? [bpfDirectory] : [])];
}

/** Of each part of the datapath, and of a handover that was cut short. */
function pinnedLinks(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.parentPath.endsWith('/links'))
    .map(({ parentPath, name }) => join(parentPath, name));
}

/** Where a kernel has no tcx programs are filters, which no pin holds. */
function removeFilters(
  directory: string,
  { bpf, ifindex }: { bpf: Bpf; ifindex: number | '' | undefined },
): string[] {
  if (!ifindex) return [];
  return uplinkHooks(ifindex).flatMap(({ link, at }) => {
    if (at.type !== 'tcx') return [];
    const places = [at, { ...at, place: 'behind' as const }];
    return places.some((place) => bpf.detach(join(directory, 'links', link), place)) ? [link] : [];
  });
}

/** Of every table. */
function removeRoutes(netlink: RouteNetlink): string[] {
  const ours = netlink.routes({ protocol: tendrilProtocol });
  return ours.filter((route) => netlink.deleteRoute(route)).map(describeRoute);
}

function describeRoute({ destination, type }: Route): string {
  const to = destination === undefined ? 'default' : formatCidr(destination);
  return type === undefined || type === 'unicast' ? to : `${type} ${to}`;
}

/** The agent's, and what is left of taking over from kube-proxy, which has NAT of its own when it is back. */
async function removeTables(nftables: Nftables): Promise<string[]> {
  const present = await nftables.tables(undefined);
  const statements: Record<string, string> = {
    [`inet ${masqueradeTable}`]: renderMasqueradeRemoval(),
    [keptTable]: `delete table ${keptTable}\n`,
  };
  const tables = Object.keys(statements).filter((table) => present.includes(table));
  for (const table of tables) await nftables.apply(undefined, statements[table]!);
  return tables;
}

function giveSysctlsBack({ stateDirectory }: RemovalPaths) {
  const { returned, kept } = returnSysctls(join(stateDirectory, formerSysctlsName));
  return {
    removed: returned,
    kept: kept.map((key) => `${key} was changed by somebody else since`),
  };
}

/** Files of the directory in which labs are too. */
const runFiles = ['cni.sock', 'kubeconfig', 'hold-pods'];

/** It tells how to remove the rest: to be called once that is done. */
export function removeState({ stateDirectory, runDirectory }: RemovalPaths): string[] {
  const state = existsSync(stateDirectory) ? readdirSync(stateDirectory) : [];
  const files = [
    ...state.map((name) => join(stateDirectory, name)),
    ...runFiles.map((name) => join(runDirectory, name)),
  ].filter(removeFile);
  return [...files, ...[stateDirectory, runDirectory].filter(removeEmpty)];
}

/** What is mounted, or has something else in it, stays. */
function removeEmpty(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'EBUSY', 'ENOTEMPTY'].includes(code)) return false;
    throw error;
  }
}

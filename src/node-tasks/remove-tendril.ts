/**
 * Gives a node back: removes all that an agent has made on it and puts kernel parameters back to what they were. For when
 * the agent is gone for good and its pods are deleted, in this order:
 *
 *     others' conflists  given back, before Tendril's goes, which is first among them
 *     conflist, shim     the runtime starts no more pods of Tendril's here
 *     pods' interfaces   only where that is asked for: these pods are cut off
 *     programs, maps     Services and cluster names end
 *     routes, nftables, kernel parameters
 *     state              last: what failed can be tried again with what it tells
 */
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { podPaths, usedPlacesPath } from '../agent/pod/pod-config.ts';
import { recallUsedPlaces } from '../agent/pod/used-places.ts';
import { kernelBpf } from '../linux/bpf/kernel-bpf.ts';
import { openRouteNetlink } from '../linux/netlink/kernel-route-netlink.ts';
import { nftProgram } from '../linux/nftables/nft-program.ts';
import { describeError, TendrilError } from '../util/errors.ts';
import {
  type NodeParts,
  podInterfaces,
  type Removal,
  type RemovalPaths,
  removals,
  removeState,
} from './tendril-remains.ts';

export interface RemoveTendrilInput {
  /** Also where pods still have interfaces of Tendril's: these pods lose their network. */
  force?: boolean;
}

export interface RemoveTendrilReport {
  /** What was removed or put back, by kind; nothing where there was nothing. */
  removed: Record<string, string[]>;
  /** What somebody else has changed since and so was left alone, a sentence each. */
  kept: string[];
}

/**
 * Idempotent: a node that has nothing of Tendril's gives an empty report.
 * @throws TendrilError NODE_IN_USE where the agent runs, or pods have interfaces and `force` is not given: nothing is
 *   touched then; NODE_REMAINS naming what could not be removed, after all else was
 */
export async function removeTendril(
  { force = false }: RemoveTendrilInput,
  { host, parts }: { host: string; parts?: NodeParts },
): Promise<RemoveTendrilReport> {
  const paths = pathsBelow(host);
  await requireNoAgent(paths.cniSocket);
  if (parts !== undefined) return await remove(paths, parts, force);
  using netlink = openRouteNetlink();
  return await remove(paths, { netlink, nftables: nftProgram, bpf: kernelBpf }, force);
}

async function remove(paths: RemovalPaths, parts: NodeParts, force: boolean): Promise<RemoveTendrilReport> {
  if (!force) requireNoPods(parts);
  const report: RemoveTendrilReport = { removed: {}, kept: [] };
  const problems: string[] = [];
  for (const removal of removals) {
    try {
      note(report, removal.what, await removal.run(paths, parts));
    } catch (error) {
      problems.push(`${removal.what}: ${describeError(error)}`);
    }
  }
  if (problems.length === 0) {
    note(report, 'state', { removed: removeState(paths) });
    return report;
  }
  throw new TendrilError('NODE_REMAINS', `not all of Tendril could be removed: ${problems.join('; ')}`, {
    remedy: 'Run it again: what is removed already does no harm.',
  });
}

function note(
  report: RemoveTendrilReport,
  what: string,
  { removed, kept = [] }: Awaited<ReturnType<Removal['run']>>,
): void {
  if (removed.length > 0) report.removed[what] = removed;
  report.kept.push(...kept);
}

/** Those that the agent had; its settings may name other directories of CNI. */
function pathsBelow(host: string): RemovalPaths {
  const below = (path: string) => join(host, path);
  const used = recallUsedPlaces(below(usedPlacesPath));
  const paths = { ...podPaths, ...used };
  return {
    stateDirectory: below(podPaths.stateDirectory),
    runDirectory: below('/run/tendril'),
    cniSocket: below(podPaths.cniSocket),
    cniConfDirectory: below(paths.cniConfDirectory),
    cniBinDirectory: below(paths.cniBinDirectory),
    cniCacheDirectory: below('/var/lib/cni/results'),
    bpfDirectory: below(podPaths.bpfDirectory),
    uplink: used.uplink,
  };
}

/** It would make anew what is removed. */
async function requireNoAgent(socket: string): Promise<void> {
  if (!existsSync(socket) || !(await answers(socket))) return;
  throw new TendrilError('NODE_IN_USE', 'an agent of Tendril runs on this node', {
    remedy: 'Delete the DaemonSet tendril-system/tendril-agent first, or run tendril uninstall.',
  });
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}

function requireNoPods(parts: NodeParts): void {
  const names = podInterfaces(parts).map(({ name }) => name);
  if (names.length === 0) return;
  const pods = names.length === 1 ? 'one pod has its' : `${names.length} pods have their`;
  throw new TendrilError('NODE_IN_USE', `${pods} interface from Tendril (${names.join(', ')})`, {
    remedy: 'Delete the pods while the agent runs, or cut them off: tendril uninstall --node --force.',
  });
}

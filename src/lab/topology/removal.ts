/**
 * Takes a lab off the machine: its processes, mounts, namespaces, pins, cgroups and files, in that order, since
 * each holds the next. Works on what is there, not on what a configuration says, so it also removes the
 * remains of a lab whose processes were killed. Idempotent.
 */
import { existsSync, rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { pinnedMapIds, untilMapsFreed } from '../../linux/bpf/pinned-maps.ts';
import { cgroupMount, killCgroup, removeCgroup } from '../../linux/cgroup/cgroup.ts';
import { everywhere } from '../../linux/cgroup/hierarchies.ts';
import { errno, KernelError } from '../../linux/errno.ts';
import { unmountBelow } from '../../linux/mount/mount.ts';
import { mountsBelow } from '../../linux/mount/mount-table.ts';
import { openNetns } from '../../linux/netns/netns.ts';
import { SockDiag } from '../../linux/sock-diag/sock-diag.ts';
import { systemClock } from '../../util/clock.ts';
import { describeError, TendrilError } from '../../util/errors.ts';
import { removeEgressSocket } from '../external/egress.ts';
import { removeKubeletAddresses } from '../external/kubelet-servers.ts';
import { leaveCluster } from '../external/leave.ts';
import { undoInternet } from './internet.ts';
import { type LabPaths, labPaths } from './lab-config.ts';
import { isForeign, labsDirectory, readLabConfig } from './lab-state.ts';

/**
 * Resolves with whether anything was there. `tell` hears what stays elsewhere: an external API server that does not
 * answer keeps nobody from taking the lab off this machine.
 * @throws TendrilError LAB_REMAINS naming what could not be removed, BAD_INPUT where the directory is no lab's
 */
export async function removeLab(name: string, tell: (text: string) => void = () => {}): Promise<boolean> {
  const paths = labPaths(name, { base: labsDirectory, cgroupMount: cgroupMount() });
  if (isForeign(name)) {
    throw new TendrilError('BAD_INPUT', `${paths.root} was not made by a lab: nothing is touched`, {
      remedy: 'Check TENDRIL_RUN and --name.',
    });
  }
  const cgroups = everywhere(paths.cgroup);
  const wasThere = [paths.root, ...cgroups].some(existsSync);
  const problems: string[] = [];
  const step = async (what: string, run: () => void | Promise<void>) => {
    try {
      await run();
    } catch (error) {
      problems.push(`${what}: ${describeError(error)}`);
    }
  };
  const maps = pinnedMapIds(paths.bpf);
  await step('processes', () => killCgroup(paths.cgroup));
  await step('kubelet addresses', () => removeKubeletAddresses(paths.root));
  await step('egress socket', () => removeEgressSocket(readLabConfig(name)?.external?.egressSocket));
  await step('external API server', () => leaveExternal(name, paths, tell));
  await step('internet access', () => undoInternet(paths.root));
  await step('connections', () => endConnections(paths.root));
  await step('mounts', () => void unmountBelow(paths.root));
  for (const cgroup of cgroups) await step('cgroups', async () => void (await removeCgroup(cgroup)));
  if (problems.length === 0) await step('files', () => rmSync(paths.root, { recursive: true, force: true }));
  await step('kernel programs', () => untilFreed(maps));
  if (problems.length > 0) {
    throw new TendrilError(
      'LAB_REMAINS',
      `lab "${name}" could not be removed entirely: ${problems.join('; ')}`,
      {
        remedy: `Run again: tendril down --name ${name}`,
      },
    );
  }
  removeIfEmpty(labsDirectory);
  for (const cgroup of cgroups) removeIfEmpty(dirname(cgroup));
  return wasThere;
}

async function leaveExternal(name: string, paths: LabPaths, tell: (text: string) => void): Promise<void> {
  if (readLabConfig(name)?.external === undefined || !existsSync(paths.kubeconfig)) return;
  const left = await leaveCluster(name, paths.kubeconfig);
  if (left !== undefined) tell(left);
}

/**
 * A connection whose process is gone tries for minutes to tell a peer that cannot be reached, and keeps its
 * namespace for as long.
 */
function endConnections(root: string): void {
  for (const { target } of mountsBelow(root).filter(({ type }) => type === 'nsfs')) {
    using netns = openNetns(target);
    using sockets = new SockDiag(netns);
    try {
      for (const socket of sockets.list('TCP')) sockets.destroy(socket);
    } catch (error) {
      // A kernel that cannot lets them end in their own time.
      if (!(error instanceof KernelError && error.errno === errno.EOPNOTSUPP)) throw error;
    }
  }
}

/** Namespaces are taken down, and what is attached in them let go of, a moment after their last user has gone. */
const freedMs = 30_000;

async function untilFreed(maps: readonly number[]): Promise<void> {
  const left = await untilMapsFreed(maps, { timeoutMs: freedMs, clock: systemClock });
  if (left.length > 0) throw new Error(`a process still holds BPF maps ${left.join(', ')}`);
}

/** The last lab takes the common directories along. */
function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Not empty, or gone already: both are as it should be.
  }
}

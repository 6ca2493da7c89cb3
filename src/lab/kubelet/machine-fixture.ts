/** For tests: a kubelet with the machine behind it, in a directory and cgroups of its own; the API and CNI are fakes. */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { cgroupMount, killCgroup, removeCgroup } from '../../linux/cgroup/cgroup.ts';
import { everywhere } from '../../linux/cgroup/hierarchies.ts';
import { LimitedCgroups } from '../../linux/cgroup/limited-cgroups.ts';
import { mountTmpfs, unmountBelow } from '../../linux/mount/mount.ts';
import { createNetns, deleteNetns, openNetns } from '../../linux/netns/netns.ts';
import { connectTcp } from '../../linux/netns/sockets.ts';
import { parseIp } from '../../net/ip.ts';
import { systemClock } from '../../util/clock.ts';
import { LauncherClient } from '../launcher/launcher-client.ts';
import { startLauncher } from '../launcher/start-launcher.ts';
import { KubeletFixture } from './lab-fixture.ts';
import type { NodeHost } from './node-host.ts';

const program = join(import.meta.dirname, '../../..');
const host: NodeHost = {
  createNetns: async (path) => createNetns(path),
  deleteNetns: async (path) => void deleteNetns(path),
  mountMemory: async (path, bytes) => mountTmpfs(path, { size: String(Math.floor(bytes)), mode: '0777' }),
  unmountBelow: async (path) => void unmountBelow(path),
  connect: async (netns, { ip, port, timeoutMs }) => {
    using handle = openNetns(netns);
    return await connectTcp(handle, { ip: parseIp(ip), port, timeoutMs });
  },
};

export interface MachineFixture {
  lab: KubeletFixture;
  root: string;
  /** Of the node. */
  cgroup: string;
  cgroups: LimitedCgroups;
  launcher: LauncherClient;
  stop(): Promise<void>;
}

export async function machineFixture(): Promise<MachineFixture> {
  const root = await mkdtemp(join(tmpdir(), 'tendril-kubelet-root-'));
  const top = join(cgroupMount(), basename(root));
  const cgroup = join(top, 'node-1');
  const socket = join(root, 'launcher.sock');
  await startLauncher({
    program: join(program, 'dist/native/launcher'),
    socket,
    cgroup: join(top, 'launcher'),
  });
  const launcher = new LauncherClient(socket);
  const cgroups = new LimitedCgroups(top);
  await mkdir(join(root, 'netns/pods'), { recursive: true });
  createNetns(join(root, 'netns/node-1'));
  const lab = new KubeletFixture();
  await lab.start({
    launcher,
    host,
    cgroups,
    clock: systemClock,
    images: { program },
    node: { name: 'node-1', ips: ['127.0.0.1', '::1'] },
    paths: {
      pods: join(root, 'pods'),
      hostPath: join(root, 'host'),
      claims: join(root, 'claims'),
      netns: join(root, 'netns/node-1'),
      podNetns: (uid) => join(root, 'netns/pods', uid),
      cgroup,
    },
  });
  const stop = async () => {
    await lab.stop();
    launcher.close();
    killCgroup(top);
    for (const at of everywhere(top)) await removeCgroup(at);
    for (const uid of await readdir(join(root, 'netns/pods'))) deleteNetns(join(root, 'netns/pods', uid));
    deleteNetns(join(root, 'netns/node-1'));
    unmountBelow(root);
    await rm(root, { recursive: true, force: true });
  };
  return { lab, root, cgroup, cgroups, launcher, stop };
}

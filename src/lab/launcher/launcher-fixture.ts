/** A real launcher for tests, in a directory and a cgroup of its own, both gone afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { cgroupMount, killCgroup, removeCgroup } from '../../linux/cgroup/cgroup.ts';
import { everywhere } from '../../linux/cgroup/hierarchies.ts';
import type { ProcessSpec, SandboxSpec } from './launcher.ts';
import { createLauncherClient, type LauncherClient } from './launcher-client.ts';
import { startLauncher } from './start-launcher.ts';

const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };

/** What container runtimes grant by default, less MKNOD. */
export const defaultCapabilities = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SYS_CHROOT',
  'AUDIT_WRITE',
  'SETFCAP',
];

/** What a container wrote, out of its log. */
export const logText = (log: string): string =>
  [...log.matchAll(/^\S+ std(?:out|err) ([FP]) ([^\n]*)\n/gm)]
    .map(([, tag, text]) => (tag === 'F' ? `${text}\n` : text))
    .join('');

export interface LauncherFixture {
  client: LauncherClient;
  pid: number;
  socket: string;
  directory: string;
  cgroup: string;
  plain(id: string, argv: string[], more?: Partial<ProcessSpec>): ProcessSpec;
  container(id: string, argv: string[], more?: Partial<SandboxSpec>): ProcessSpec;
  stop(): Promise<void>;
}

export async function launcherFixture(): Promise<LauncherFixture> {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-launcher-'));
  const cgroup = join(cgroupMount(), basename(directory));
  const socket = join(directory, 'launcher.sock');
  const program = resolve('dist/native/launcher');
  const { pid } = await startLauncher({ program, socket, cgroup: join(cgroup, 'launcher') });
  const client = await createLauncherClient({ socket });
  const plain: LauncherFixture['plain'] = (id, argv, more) => ({
    id,
    argv,
    env,
    cgroup: join(cgroup, 'node', id),
    ...more,
  });
  return {
    client,
    pid,
    socket,
    directory,
    cgroup,
    plain,
    container: (id, argv, more) => ({
      ...plain(id, argv),
      sandbox: {
        hostname: id,
        mounts: [],
        readOnlyRoot: false,
        uid: 0,
        gid: 0,
        supplementalGroups: [],
        capabilities: defaultCapabilities,
        noNewPrivileges: false,
        scratch: join(directory, 'scratch', id),
        ...more,
      },
    }),
    stop: async () => {
      client.close();
      killCgroup(cgroup);
      for (const at of everywhere(cgroup)) await removeCgroup(at);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

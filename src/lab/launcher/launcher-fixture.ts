/** A real launcher for tests, in a directory and a cgroup of its own, both gone afterwards. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessSpec, SandboxSpec } from './launcher.ts';
import { createLauncherClient, type LauncherClient } from './launcher-client.ts';
import { startLauncher } from './start-launcher.ts';

const unified = '/sys/fs/cgroup/unified';
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

/** Removes a cgroup with all below it; its processes are killed. */
async function removeCgroup(path: string): Promise<void> {
  if (!existsSync(path)) return;
  writeFileSync(join(path, 'cgroup.kill'), '1');
  while (/^populated 1$/m.test(readFileSync(join(path, 'cgroup.events'), 'utf8'))) await sleep(5);
  const remove = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (entry.isDirectory()) remove(join(at, entry.name));
    }
    rmdirSync(at);
  };
  remove(path);
}

export async function launcherFixture(): Promise<LauncherFixture> {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-launcher-'));
  const cgroup = join(existsSync(unified) ? unified : '/sys/fs/cgroup', basename(directory));
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
      await removeCgroup(cgroup);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

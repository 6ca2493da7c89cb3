/** Starts a lab's processes and follows what its server says while it comes up. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LauncherClient } from '../../lab/launcher/launcher-client.ts';
import { startLauncher } from '../../lab/launcher/start-launcher.ts';
import type { ProgressEvent } from '../../lab/server/control-protocol.ts';
import type { LabConfig, LabPaths } from '../../lab/topology/lab-config.ts';
import { TendrilError } from '../../util/errors.ts';

export interface StartedLab {
  /** Events in order; ends with `up`, or with an error thrown. */
  events: AsyncIterable<ProgressEvent>;
}

const serverFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=16'];

/** Makes the lab's directory and starts launcher and server. */
export async function startLab(config: LabConfig, paths: LabPaths): Promise<StartedLab> {
  mkdirSync(paths.logs, { recursive: true, mode: 0o755 });
  writeFileSync(paths.config, JSON.stringify(config, null, 2));
  const socketPath = join(paths.root, 'up.sock');
  const server = createServer();
  await listen(server, socketPath);
  await startLauncher({
    program: join(config.program, 'dist', 'native', 'launcher'),
    socket: paths.launcherSocket,
    cgroup: paths.cgroup,
  });
  const launcher = new LauncherClient(paths.launcherSocket);
  try {
    await launcher.start({
      id: 'lab-server',
      argv: [
        process.execPath,
        ...serverFlags,
        join(config.program, 'dist', 'main.js'),
        'lab-server',
        '--name',
        config.name,
      ],
      env: serverEnvironment(),
      cgroup: join(paths.cgroup, 'server'),
      log: join(paths.logs, 'server.log'),
    });
  } finally {
    launcher.close();
  }
  return {
    events: progressEvents(server, join(paths.logs, 'server.log'), () => rmSync(socketPath, { force: true })),
  };
}

function serverEnvironment(): Record<string, string> {
  const kept = ['PATH', 'SUDO_UID', 'SUDO_GID', 'TENDRIL_DEBUG'];
  return Object.fromEntries(
    kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

/** A server that has not even connected by then does not start at all. */
const connectTimeoutMs = 20_000;

async function* progressEvents(
  server: Server,
  log: string,
  cleanUp: () => void,
): AsyncGenerator<ProgressEvent> {
  try {
    const socket = await accept(server, log);
    for await (const line of createInterface({ input: socket })) {
      const event = JSON.parse(line) as ProgressEvent;
      if (event.type === 'failed')
        throw new TendrilError('LAB_FAILED', event.message, {
          remedy: event.remedy ?? `The whole story: ${log}`,
        });
      yield event;
      if (event.type === 'up') return;
    }
    throw new TendrilError('LAB_FAILED', "the lab's server died while it came up", { remedy: `See ${log}` });
  } finally {
    server.close();
    cleanUp();
  }
}

function accept(server: Server, log: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new TendrilError('LAB_FAILED', "the lab's server does not start", { remedy: `See ${log}` }));
    }, connectTimeoutMs);
    server.once('connection', (socket) => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

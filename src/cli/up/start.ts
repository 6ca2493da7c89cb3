/** Starts a lab's processes and follows what its server says while it comes up. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LauncherClient } from '../../lab/launcher/launcher-client.ts';
import { startLauncher } from '../../lab/launcher/start-launcher.ts';
import type { ProgressEvent } from '../../lab/server/control-protocol.ts';
import type { LabConfig, LabPaths } from '../../lab/topology/lab-config.ts';
import { labMountSource, labsDirectory } from '../../lab/topology/lab-state.ts';
import { mountTmpfs } from '../../linux/mount/mount.ts';
import { TendrilError } from '../../util/errors.ts';

export interface StartedLab {
  /** Events in order; ends with `up`, or with an error thrown. */
  events: AsyncIterable<ProgressEvent>;
}

const serverFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=16'];

/** Makes the lab's directory and starts launcher and server. */
export async function startLab(config: LabConfig, paths: LabPaths, signal: AbortSignal): Promise<StartedLab> {
  // Memory of its own: a container that fills its disk fills neither the machine's /run nor its root.
  mountTmpfs(paths.root, { source: labMountSource });
  mkdirSync(paths.logs, { recursive: true, mode: 0o755 });
  // In one step: whoever reads it meanwhile finds none, or the whole.
  // Credentials of an external API server may be in it.
  writeFileSync(`${paths.config}.new`, JSON.stringify(config, null, 2), {
    mode: config.external ? 0o600 : 0o644,
  });
  renameSync(`${paths.config}.new`, paths.config);
  const progress = await listenForProgress(join(paths.root, 'up.sock'));
  try {
    await startProcesses(config, paths, signal);
  } catch (error) {
    progress.close();
    throw error;
  }
  return { events: progressEvents(progress, { log: join(paths.logs, 'server.log'), signal }) };
}

async function startProcesses(config: LabConfig, paths: LabPaths, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await startLauncher({
    program: join(config.program, 'dist', 'native', 'launcher'),
    socket: paths.launcherSocket,
    cgroup: join(paths.cgroup, 'launcher'),
  });
  signal.throwIfAborted();
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
}

function serverEnvironment(): Record<string, string> {
  const kept = ['PATH', 'SUDO_UID', 'SUDO_GID', 'TENDRIL_DEBUG'];
  const own = Object.fromEntries(
    kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  // As this process understands it: what is relative means another directory to the server.
  return { ...own, TENDRIL_RUN: labsDirectory };
}

interface ProgressListener {
  /** The server's connection, when it has come. */
  connection: Promise<Socket>;
  close(): void;
}

/** Closing it removes the socket's file too. */
function listenForProgress(path: string): Promise<ProgressListener> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    const connection = new Promise<Socket>((connected) => server.once('connection', connected));
    server.once('error', reject);
    server.listen(path, () => resolve({ connection, close: () => server.close() }));
  });
}

/** A server that has not even connected by then does not start at all. */
const connectTimeoutMs = 20_000;

interface Following {
  log: string;
  signal: AbortSignal;
}

async function* progressEvents(
  progress: ProgressListener,
  { log, signal }: Following,
): AsyncGenerator<ProgressEvent> {
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort(new TendrilError('LAB_FAILED', "the lab's server does not start", { remedy: `See ${log}` }));
  }, connectTimeoutMs);
  let socket: Socket | undefined;
  try {
    socket = await unlessAborted(progress.connection, AbortSignal.any([signal, late.signal]));
    clearTimeout(timer);
    const lines = createInterface({ input: socket });
    signal.addEventListener('abort', () => lines.close(), { once: true });
    for await (const line of lines) {
      signal.throwIfAborted();
      const event = JSON.parse(line) as ProgressEvent;
      if (event.type === 'failed') {
        throw new TendrilError(event.code, event.message, {
          remedy: event.remedy ?? `The whole story: ${log}`,
        });
      }
      yield event;
      if (event.type === 'up') return;
    }
  } finally {
    clearTimeout(timer);
    socket?.destroy();
    progress.close();
  }
  signal.throwIfAborted();
  throw new TendrilError('LAB_FAILED', "the lab's server died while it came up", { remedy: `See ${log}` });
}

/** The promise's value, or the signal's reason, whichever comes first. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

/** A command in a pod of a cluster, by the API: this process's own streams and terminal are the command's. */
import { spawnSync } from 'node:child_process';
import { finished } from 'node:stream/promises';
import { isatty } from 'node:tty';
import type { Transport } from '../../kube/client/transport.ts';
import { type RemoteCommand, startCommand } from '../../kube/streams/command-client.ts';

export interface RemotePlace {
  namespace: string;
  pod: string;
  container: string;
}

/** Resolves with the command's exit status. Throws as startCommand does, and where it could not be run. */
export async function runRemotely(
  api: Transport,
  place: RemotePlace,
  command: readonly string[],
): Promise<number> {
  // A terminal only where both ends are one: what is piped must stay as it is.
  const tty = isatty(0) && isatty(1);
  const running = await startCommand(api, { ...place, command, stdin: true, tty });
  const takeBack = tty ? lendTerminal(running) : undefined;
  const outputs = [relay(running.stdout, process.stdout), relay(running.stderr, process.stderr)];
  // It may end before it has read all.
  running.stdin!.on('error', () => {});
  process.stdin.on('error', () => running.stdin!.end());
  process.stdin.pipe(running.stdin!);
  try {
    const status = await running.exited;
    await Promise.all(outputs);
    return status;
  } finally {
    takeBack?.();
    process.stdin.unpipe().destroy();
    running.close();
  }
}

/** Resolves when all of it is written, or when nobody takes it any more: then the rest is read for nothing. */
async function relay(from: RemoteCommand['stdout'], to: NodeJS.WriteStream): Promise<void> {
  to.once('error', () => from.resume());
  from.pipe(to, { end: false });
  await finished(from, { writable: false }).catch(() => {});
}

/** Keys go to the command as they are, Ctrl-C too, and it learns of the window's size; what is returned takes the terminal back. */
function lendTerminal(running: RemoteCommand): () => void {
  const tell = () => {
    const [columns, rows] = process.stdout.getWindowSize();
    running.resize({ columns, rows });
  };
  process.stdin.setRawMode(true);
  // Node.js' raw mode goes on making \r\n of each \n, and whatever draws a screen means \n alone.
  spawnSync('stty', ['-opost'], { stdio: 'inherit' });
  process.stdout.on('resize', tell);
  tell();
  return () => {
    process.stdout.off('resize', tell);
    process.stdin.setRawMode(false);
  };
}

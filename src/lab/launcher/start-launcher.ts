/** Starting the launcher itself, the one process that Node.js forks. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { TendrilError } from '../../util/errors.ts';

export interface StartLauncherOptions {
  /** The launcher's program, dist/native/launcher. */
  program: string;
  /** Unix socket it shall listen on; the base image of containers is made beside it. Its directory exists. */
  socket: string;
  /** The launcher's own cgroup2 directory; all that it starts lies below this one's parent. Made if missing. */
  cgroup: string;
  /** File for what the launcher itself has to say. */
  log?: string;
}

/**
 * Starts the launcher in the background, in its cgroup; it listens when this resolves.
 * @throws TendrilError TOOL_FAILED with what the launcher said
 */
export async function startLauncher(options: StartLauncherOptions): Promise<{ pid: number }> {
  const argv = ['--socket', options.socket, '--cgroup', options.cgroup];
  if (options.log !== undefined) argv.push('--log', options.log);
  try {
    const { stdout } = await promisify(execFile)(options.program, argv);
    return { pid: Number(stdout) };
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr?.trim();
    throw new TendrilError('TOOL_FAILED', said || 'the launcher does not start', {
      remedy: 'Is the program built (make build), and are you root?',
      cause,
    });
  }
}

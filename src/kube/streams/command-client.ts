/** A command in a pod's container, run by the API server (the subresource `exec`): its streams, and how it ends. */
import type { Readable, Writable } from 'node:stream';
import { TendrilError } from '../../util/errors.ts';
import { ApiError, type Status } from '../client/api-error.ts';
import type { Transport } from '../client/transport.ts';
import { resourcePath, resources } from '../resources.ts';
import { pingWhileOpen } from './pings.ts';
import { codecOf, WebSocketChannels } from './websocket-channels.ts';

export interface CommandRequest {
  namespace: string;
  pod: string;
  container: string;
  command: readonly string[];
  stdin: boolean;
  /** At a terminal of its own, of which it has both outputs as one. */
  tty: boolean;
}

export interface TerminalSize {
  columns: number;
  rows: number;
}

export interface RemoteCommand {
  /** Where it was asked for. */
  stdin: Writable | undefined;
  /** Both must be read to their end. */
  stdout: Readable;
  stderr: Readable;
  resize(size: TerminalSize): void;
  /**
   * Its exit status, once all of its output has come. Rejects with ApiError where it could not be run, and with
   * API_UNREACHABLE where the connection broke.
   */
  exited: Promise<number>;
  /** Leaves it; what becomes of it is up to the node. */
  close(): void;
}

/**
 * In the order of preference. By the older one a command never learns that its input has ended: API servers before
 * Kubernetes 1.30 have no other.
 */
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

/** For the connection's end, once all is said. */
const lingerMs = 1000;

/** @throws TendrilError as Transport.open does, where the API server refuses */
export async function startCommand(
  api: Pick<Transport, 'webSocket'>,
  request: CommandRequest,
): Promise<RemoteCommand> {
  const { socket, protocol } = await api.webSocket({ path: pathOf(request), protocols });
  const channels = new WebSocketChannels(socket, codecOf(protocol));
  // A server that has input left that nobody takes may not hear anything of ours.
  const leave = () => {
    socket.close();
    const late = setTimeout(() => socket.terminate(), lingerMs);
    void channels.closed.then(() => clearTimeout(late));
  };
  const [stdout, stderr] = [channels.readable(channel.stdout), channels.readable(channel.stderr)];
  const status = textOf(channels.readable(channel.error), leave);
  const stdin = request.stdin ? channels.writable(channel.stdin, { tellsEnd: true }) : undefined;
  const sizes = channels.writable(channel.resize);
  pingWhileOpen(socket);
  socket.resume();
  const exited = status.then(exitStatusOf);
  // Who leaves it does not ask how it ends.
  exited.catch(() => {});
  return {
    ...{ stdin, stdout, stderr },
    resize: ({ columns, rows }) => sizes.write(`${JSON.stringify({ Width: columns, Height: rows })}\n`),
    exited,
    close: () => socket.terminate(),
  };
}

function pathOf({ namespace, pod, container, command, stdin, tty }: CommandRequest): string {
  const query = new URLSearchParams({ container, stdout: 'true' });
  if (stdin) query.set('stdin', 'true');
  query.set(tty ? 'tty' : 'stderr', 'true');
  for (const word of command) query.append('command', word);
  return `${resourcePath(resources.pods, { namespace, name: pod, subresource: 'exec' })}?${query}`;
}

/** The Status comes last: behind it there is nothing to wait for. */
async function textOf(stream: Readable, whole: () => void): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += chunk;
    if (isJson(text)) whole();
  }
  return text;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** By the Status that comes last. */
export function exitStatusOf(text: string): number {
  if (text === '')
    throw new TendrilError('API_UNREACHABLE', 'the connection to the container broke off', {
      remedy: 'The command may still run: its pod, its node or the API server has gone, or what is between.',
    });
  const status = JSON.parse(text) as Status;
  if (status.status === 'Success') return 0;
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (status.reason === 'NonZeroExitCode' && code !== undefined) return Number(code);
  throw new ApiError(status);
}

/** The agent's side of the CNI shim: a unix socket that only root can reach, one request per connection. */
import { chmodSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { TendrilError } from '../../util/errors.ts';
import { type Dispatcher, failureAnswer } from './dispatch.ts';
import { encodeAnswer, RequestReader } from './frame.ts';

export interface CniServer {
  /** Stops listening, cuts off who has not asked yet, lets calls under way finish, and removes the socket. */
  close(): Promise<void>;
}

/** A shim that says nothing is cut off after this long. */
const idleMs = 10_000;

/**
 * Listens at `path`. A socket that a killed agent left is replaced; one that answers is not.
 * @throws TendrilError CNI when another agent listens there or the path cannot be used
 */
export async function startCniServer(options: { path: string; dispatch: Dispatcher }): Promise<CniServer> {
  const { path, dispatch } = options;
  mkdirSync(dirname(path), { recursive: true });
  await removeStaleSocket(path);
  const open = new Set<Promise<void>>();
  const silent = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    silent.add(socket);
    const heard = () => silent.delete(socket);
    const served = serveSocket(socket, dispatch, heard).finally(() => open.delete(served));
    open.add(served);
  });
  await listen(server, path);
  chmodSync(path, 0o600);
  return {
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of silent) socket.destroy();
      await Promise.allSettled(open);
      await closed;
    },
  };
}

async function serveSocket(socket: Socket, dispatch: Dispatcher, heard: () => void): Promise<void> {
  // A shim that was killed takes its connection along; the call goes on and its answer is dropped.
  socket.on('error', () => {});
  socket.setTimeout(idleMs, () => socket.destroy());
  const reader = new RequestReader();
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      const request = reader.push(chunk as Buffer);
      if (request === undefined) continue;
      socket.setTimeout(0);
      heard();
      socket.write(encodeAnswer(await dispatch(request)));
      return;
    }
  } catch (error) {
    socket.write(encodeAnswer(failureAnswer(error)));
  } finally {
    heard();
    // Once it is written: a client that keeps its end open must not hold up `close`.
    socket.destroySoon();
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new TendrilError('CNI', `cannot listen on the CNI socket ${path}`, { cause })),
    );
    // The socket is born with the mode that the mask leaves: nobody gets in before chmod.
    const mask = process.umask(0o177);
    server.listen(path, () => resolve());
    process.umask(mask);
  });
}

async function removeStaleSocket(path: string): Promise<void> {
  const state = await new Promise<'live' | 'dead' | 'absent'>((resolve, reject) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve('live');
    });
    // Anything else, such as a full backlog, says nothing about who listens.
    probe.on('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') resolve('absent');
      else if (cause.code === 'ECONNREFUSED') resolve('dead');
      else reject(new TendrilError('CNI', `cannot tell who listens on ${path}`, { cause }));
    });
  });
  if (state === 'live') {
    throw new TendrilError('CNI', `another agent listens on ${path}`, {
      remedy: 'stop the other agent of this node first',
    });
  }
  if (state === 'dead') unlinkSync(path);
}

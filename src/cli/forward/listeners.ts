/** Listens on 127.0.0.1 and, where the machine has it, ::1, on the same port. */
import { createServer, type Server, type Socket } from 'node:net';
import { TendrilError } from '../../util/errors.ts';

export interface LocalListeners {
  port: number;
  close(): void;
}

/**
 * Resolves when it listens. `local` undefined: the remote port's number if it is free, else any.
 * @throws TendrilError BAD_INPUT when the port is taken
 */
export async function listenLocally(
  accept: (socket: Socket) => void,
  local: number | undefined,
  remote: number,
): Promise<LocalListeners> {
  const servers: Server[] = [];
  const listen = async (host: string, port: number): Promise<number> => {
    const server = await listenOn(accept, host, port);
    servers.push(server);
    return (server.address() as { port: number }).port;
  };
  const port = await firstPort(listen, local, remote);
  await listen('::1', port).catch((error: NodeJS.ErrnoException) => {
    if (!['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EADDRINUSE'].includes(error.code ?? '')) throw error;
  });
  return {
    port,
    close: () => {
      for (const server of servers) server.close();
    },
  };
}

async function firstPort(
  listen: (host: string, port: number) => Promise<number>,
  local: number | undefined,
  remote: number,
): Promise<number> {
  try {
    return await listen('127.0.0.1', local ?? remote);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (local === undefined && (code === 'EADDRINUSE' || code === 'EACCES'))
      return await listen('127.0.0.1', 0);
    if (code !== 'EADDRINUSE') throw cause;
    throw new TendrilError('BAD_INPUT', `port ${local} of 127.0.0.1 is taken`, {
      cause,
      remedy: `Choose another, as in 0:${remote} for any that is free.`,
    });
  }
}

function listenOn(accept: (socket: Socket) => void, host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, accept);
    server.once('error', reject);
    server.listen({ host, port, ipv6Only: true }, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

/** Health and readiness over HTTP, as probes ask for them: 200 while `ok`, else 503, on any path. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../../util/logger.ts';
import { listenError } from './listen-error.ts';
import type { Listener } from './udp-listener.ts';

export interface StatusPortOptions {
  /** What it tells, for errors: `health`, `readiness`. */
  what: string;
  port: number;
  /** One socket each, of its own family only. */
  addresses: readonly string[];
  ok: () => boolean;
  logger: Logger;
}

/** Resolves when every address is listened on. @throws TendrilError LISTEN naming the port */
export async function listenStatus(options: StatusPortOptions): Promise<Listener> {
  const { what, port, addresses, ok, logger } = options;
  const servers: http.Server[] = [];
  const close = async () => {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  };
  try {
    for (const address of addresses) {
      const server = http.createServer((_request, response) => {
        response.writeHead(ok() ? 200 : 503).end(ok() ? 'OK' : 'not ready');
      });
      await listen(server, { what, address, port });
      server.on('error', (error) => logger.warn('accepting failed', { port: what, error }));
      servers.push(server);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { port: (servers[0]!.address() as AddressInfo).port, close };
}

function listen(server: http.Server, at: { what: string; address: string; port: number }): Promise<void> {
  const { what, address, port } = at;
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(listenError(`HTTP for ${what}`, at, cause));
    server.once('error', fail);
    server.listen({ host: address, port, ipv6Only: true }, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

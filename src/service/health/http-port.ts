/** A TCP port with one answer to every request, on some of the node's addresses. */
import { createServer, type Server } from 'node:http';
import type { Family } from '../../net/ip.ts';
import { TendrilError } from '../../util/errors.ts';

export interface Answer {
  ok: boolean;
  /** Beside the content type. */
  headers?: Record<string, string>;
  /** JSON, or undefined where there is nothing at the path. */
  body: string | undefined;
}

export interface PortAddress {
  family: Family;
  /** `0.0.0.0` and `::` are all of the family. */
  host: string;
}

export type OpenPort = (
  at: { port: number; addresses: readonly PortAddress[] },
  answer: (request: { path: string; family: Family }) => Answer,
) => Promise<AsyncDisposable>;

/** @throws TendrilError LISTEN; nothing is open then */
export const openPort: OpenPort = async ({ port, addresses }, answer) => {
  await using opened = new AsyncDisposableStack();
  for (const address of addresses) {
    const server = serverOf((path) => answer({ path, family: address.family }));
    if (await listen(server, port, address)) opened.defer(() => close(server));
  }
  return opened.move();
};

/** Whatever the method, as kube-proxy's handlers. */
function serverOf(answer: (path: string) => Answer): Server {
  const server = createServer((request, response) => {
    // Anybody may ask, and for what is no URL.
    const url = URL.parse(request.url ?? '/', 'http://node');
    const { ok, headers = {}, body } = answer(url?.pathname ?? '');
    if (body === undefined) {
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
      return;
    }
    response
      .writeHead(ok ? 200 : 503, {
        'Content-Type': 'application/json',
        'X-Content-Type-Options': 'nosniff',
        ...headers,
        'Content-Length': Buffer.byteLength(body),
      })
      .end(body);
  });
  // Anybody may connect and say nothing: descriptors are for more than that.
  server.maxConnections = mostConnections;
  server.setTimeout(idleMs);
  return server;
}

const mostConnections = 256;
const idleMs = 10_000;

/** False where the machine lacks the family. */
function listen(server: Server, port: number, { family, host }: PortAddress): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EAFNOSUPPORT') resolve(false);
      else reject(cannotListen(host, port, cause));
    });
    server.listen({ port, host, ipv6Only: family === 6 }, () => {
      server.removeAllListeners('error');
      // A connection that fails is its client's matter.
      server.on('error', () => {});
      resolve(true);
    });
  });
}

function cannotListen(host: string, port: number, cause: NodeJS.ErrnoException): TendrilError {
  return new TendrilError('LISTEN', `cannot answer health checks on ${host} port ${port}: ${cause.code}`, {
    cause,
    remedy: `see what listens there with: ss -ltnp "sport = ${port}"`,
  });
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

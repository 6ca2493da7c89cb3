/**
 * What an agent says of itself, over HTTP on the node's own addresses: /healthz (the process lives), /readyz
 * (pods can start), /metrics (Prometheus), and as JSON, for `tendril` commands, /status, /services, /conntrack and
 * /dns-answers.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { describeError, TendrilError } from '../util/errors.ts';
import { metricsContentType } from '../util/metrics.ts';

export interface StatusSources {
  /** Why the agent is not ready; undefined when it is. */
  notReady(): string | undefined;
  metrics(): string;
  status(): unknown;
  services(): Promise<unknown>;
  connections(limit: number): Promise<unknown>;
  /** What the kernel answers to pods in the next half second, one answer of so many. */
  dnsAnswers(every: number): Promise<unknown>;
}

export interface StatusServer {
  port: number;
  close(): Promise<void>;
}

/** @throws TendrilError BAD_INPUT when the port is taken */
export async function startStatusServer(port: number, sources: StatusSources): Promise<StatusServer> {
  const server = createServer((request, response) => {
    if (request.method === 'GET')
      serve(request, response, sources).catch((error) => answer(response, 500, `${describeError(error)}\n`));
    else answer(response, 405, 'GET only\n');
  });
  // Anybody may connect and say nothing: descriptors are for more than that.
  server.maxConnections = 256;
  server.setTimeout(10_000);
  await listen(server, port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function serve(
  { url = '/', socket }: IncomingMessage,
  response: ServerResponse,
  sources: StatusSources,
): Promise<void> {
  const { pathname: path, searchParams } = new URL(url, 'http://agent');
  const json = (value: unknown) => answer(response, 200, render(value), 'application/json');
  const reason = sources.notReady();
  if (path === '/healthz') answer(response, 200, 'ok\n');
  else if (path === '/readyz') answer(response, reason === undefined ? 200 : 503, `${reason ?? 'ok'}\n`);
  else if (path === '/metrics') answer(response, 200, sources.metrics(), metricsContentType);
  else if (details.has(path) && !isOwnNode(socket)) answer(response, 403, 'only for the node itself\n');
  else if (path === '/status') json(sources.status());
  else if (path === '/services') json(await sources.services());
  else if (path === '/conntrack')
    json(await sources.connections(positive(searchParams, 'limit') ?? defaultLimit));
  else if (path === '/dns-answers') json(await sources.dnsAnswers(positive(searchParams, 'every') ?? 1));
  else answer(response, 404, `there are /healthz, /readyz, /metrics, ${[...details].join(', ')}\n`);
}

/** They tell who talks to whom: not for pods. */
const details = new Set(['/status', '/services', '/conntrack', '/dns-answers']);

/** Who reaches a node from itself comes from the address that it goes to. */
function isOwnNode({ localAddress, remoteAddress }: Socket): boolean {
  return localAddress !== undefined && localAddress === remoteAddress;
}

const defaultLimit = 1000;

function positive(parameters: URLSearchParams, name: string): number | undefined {
  const value = Number(parameters.get(name));
  return Number.isInteger(value) && value > 0 && value < 2 ** 32 ? value : undefined;
}

function render(status: unknown): string {
  return `${JSON.stringify(status, printable, 2)}\n`;
}

function answer(
  response: ServerResponse,
  code: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}

/** On both families where the kernel has both. */
async function listen(server: Server, port: number): Promise<void> {
  try {
    await listenOn(server, { port, host: '::' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw taken(port, error);
    await listenOn(server, { port, host: '0.0.0.0' });
  }
}

function listenOn(server: Server, at: { port: number; host: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function taken(port: number, cause: unknown): TendrilError {
  return new TendrilError('BAD_INPUT', `port ${port} is taken on this node`, {
    cause,
    remedy: 'stop what listens there, or give the agent another statusPort',
  });
}

function printable(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

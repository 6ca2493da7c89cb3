/** HTTP of the plugins health, ready and prometheus: one listener an address, kept while anybody answers there. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../../util/logger.ts';
import type { HttpEndpoints, HttpResponder } from '../plugin.ts';
import { listenError } from './listen-error.ts';
import { wildcardAddresses } from './wildcard.ts';

interface Endpoint {
  /** Responders of each path, the latest last. */
  readonly paths: Map<string, HttpResponder[]>;
  readonly servers: http.Server[];
}

export interface HttpListeners extends HttpEndpoints {
  /** The port that an address is listened on: tests ask for port 0. */
  portOf(address: string): Promise<number | undefined>;
}

/** The longest that an answer is waited for. */
const askLimitMs = 3000;
/** Anybody may connect and say nothing: descriptors are for more than that, for clients of DNS too. */
const maxConnections = 256;
const idleMs = 10_000;

export function createHttpEndpoints(logger: Logger): HttpListeners {
  const endpoints = new Map<string, Promise<Endpoint>>();

  async function open(address: string, path: string, respond: HttpResponder): Promise<() => Promise<void>> {
    let opening = endpoints.get(address);
    if (opening === undefined) {
      opening = listenAt(address, path, logger);
      endpoints.set(address, opening);
      opening.catch(() => endpoints.delete(address));
    }
    const endpoint = await opening;
    const responders = endpoint.paths.get(path) ?? [];
    responders.push(respond);
    endpoint.paths.set(path, responders);
    return () => release(address, endpoint, path, respond);
  }

  async function release(
    address: string,
    endpoint: Endpoint,
    path: string,
    respond: HttpResponder,
  ): Promise<void> {
    const responders = endpoint.paths.get(path) ?? [];
    const at = responders.indexOf(respond);
    if (at >= 0) responders.splice(at, 1);
    if (responders.length === 0) endpoint.paths.delete(path);
    if (endpoint.paths.size > 0 || endpoints.get(address) === undefined) return;
    endpoints.delete(address);
    await closeAll(endpoint.servers);
  }

  return {
    open,
    ask: async (address, path) => await ask((await endpoints.get(address))?.servers[0]?.address(), path),
    portOf: async (address) => {
      const bound = (await endpoints.get(address))?.servers[0]?.address() as AddressInfo | null | undefined;
      return bound?.port;
    },
  };
}

async function listenAt(address: string, what: string, logger: Logger): Promise<Endpoint> {
  const { host, port } = splitAddress(address);
  const endpoint: Endpoint = { paths: new Map(), servers: [] };
  const hosts = host === '' ? await wildcardAddresses() : [host];
  try {
    for (const one of hosts)
      endpoint.servers.push(await listen(endpoint, { what, address: one, port }, logger));
  } catch (error) {
    await closeAll(endpoint.servers);
    throw error;
  }
  return endpoint;
}

function listen(endpoint: Endpoint, at: { what: string; address: string; port: number }, logger: Logger) {
  const server = http.createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0]!;
    const respond = endpoint.paths.get(path)?.at(-1);
    if (respond === undefined) return void response.writeHead(404).end('404 page not found\n');
    const { status, body, contentType = 'text/plain; charset=utf-8' } = respond();
    response.writeHead(status, { 'content-type': contentType }).end(body);
  });
  server.maxConnections = maxConnections;
  server.setTimeout(idleMs);
  return new Promise<http.Server>((resolve, reject) => {
    const fail = (cause: Error) => reject(listenError(`HTTP for ${at.what}`, at, cause));
    server.once('error', fail);
    server.listen({ host: at.address, port: at.port, ipv6Only: at.address === '::' }, () => {
      server.off('error', fail);
      server.on('error', (error) => logger.warn('accepting failed', { ...at, error }));
      resolve(server);
    });
  });
}

async function closeAll(servers: readonly http.Server[]): Promise<void> {
  await Promise.all(
    servers.map((server) => {
      const closed = new Promise((resolve) => server.close(resolve));
      // Who does not end a request would be waited for, and reloads with it: a server that closes has no time limits.
      server.closeAllConnections();
      return closed;
    }),
  );
}

/** One that listens on all addresses is asked on the loopback interface. */
function ask(bound: AddressInfo | string | null | undefined, path: string): Promise<void> {
  if (bound === null || typeof bound !== 'object') throw new Error('nobody answers there');
  const { address, port } = bound;
  const host = ({ '::': '::1', '0.0.0.0': '127.0.0.1' } as Record<string, string>)[address] ?? address;
  return new Promise((resolve, reject) => {
    // A connection of its own: whether new ones are taken is what is asked.
    const request = http.get({ host, port, path, agent: false, signal: AbortSignal.timeout(askLimitMs) });
    request.on('error', reject).on('response', (response) => {
      response.on('error', reject).on('end', resolve).resume();
    });
  });
}

/** Host and port of `:8080`, `localhost:9153` or `[::1]:8080`; undefined for anything else. */
export function tryAddress(address: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  return match === null || port > 65_535 ? undefined : { host: match[1] ?? match[2]!, port };
}

function splitAddress(address: string): { host: string; port: number } {
  return tryAddress(address) ?? { host: address, port: 0 };
}

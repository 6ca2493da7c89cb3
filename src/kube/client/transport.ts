/** HTTP to an API server: kept-alive connections, credentials, time limits, errors as the client's contract says. */
import { readFile } from 'node:fs/promises';
import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { type Clock, systemClock } from '../../util/clock.ts';
import { decodeAnswer, errorOf, readBody } from './answer.ts';
import { cancelled, throwIfCancelled } from './cancellation.ts';
import { exchange, StaleConnection } from './exchange.ts';
import { createFailover, type Failover } from './failover.ts';
import type { ApiEndpoint } from './kubeconfig.ts';

export interface TransportRequest {
  method: string;
  /** Path and query. */
  path: string;
  body?: unknown;
  contentType?: string;
  /** Media types that are taken; JSON unless given. */
  accept?: string;
  /** Ends the request, which then rejects with CANCELLED; a stream that is open already breaks off. */
  signal?: AbortSignal;
  /**
   * An answer that has not begun after this long is an error, and so is one read whole that then pauses for as
   * long; 30 s unless given, none for 0. Streams may pause: who opened one decides.
   */
  timeoutMs?: number;
  /** Hears how long an answer was that is read whole. */
  onLength?: (length: number) => void;
}

export interface Transport {
  /** The answer as a stream, once its head is there and says success. Throws as KubeClient does. */
  open(request: TransportRequest): Promise<http.IncomingMessage>;
  /** The whole answer, JSON decoded (text where it does not claim to be JSON). */
  send(request: TransportRequest): Promise<unknown>;
  close(): void;
}

const tokenLifeMs = 60_000;
const defaultTimeoutMs = 30_000;

/** One request as the server answered it, or did not. */
export interface Exchange {
  method: string;
  /** The server's host and port. */
  host: string;
  /** The HTTP status; undefined where no answer came. */
  status?: number;
}

/** Hears of requests: for metrics. */
export interface ExchangeObserver {
  /** Every request, one that is repeated each time. */
  exchanged(exchange: Exchange): void;
  /** One whose answer is read whole: how long it all took, ms. */
  answered(exchange: Pick<Exchange, 'method' | 'host'>, ms: number): void;
}

export interface TransportOptions {
  clock?: Clock;
  observer?: ExchangeObserver;
  /** Hears when another of the endpoint's servers is asked from now on. */
  onFailover?: (failover: Failover) => void;
  /** How long a connection may take until it is there, of several servers'; 5 s unless given. */
  connectTimeoutMs?: number;
}

/** To whichever of the endpoint's servers answers. */
export function createTransport(endpoint: ApiEndpoint, options: TransportOptions = {}): Transport {
  const { server, alternatives = [] } = endpoint;
  const { clock = systemClock, observer, onFailover, connectTimeoutMs = 5000 } = options;
  const token = tokenSource(endpoint, clock);
  const servers = [...new Set([server, ...alternatives])];
  if (servers.length === 1) return transportTo(endpoint, { clock, observer, token });
  const connect = (server: string) =>
    transportTo({ ...endpoint, server }, { clock, observer, token, connectTimeoutMs });
  return createFailover({ servers, connect, onFailover });
}

interface OneServerOptions extends Pick<TransportOptions, 'observer' | 'connectTimeoutMs'> {
  clock: Clock;
  token: TokenSource;
}

function transportTo(
  endpoint: ApiEndpoint,
  { clock, observer, token, connectTimeoutMs }: OneServerOptions,
): Transport {
  const base = new URL(endpoint.server);
  const secure = base.protocol === 'https:';
  // TCP keep-alive finds dead peers of quiet watches.
  const pool = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 16 };
  const agent = secure ? new https.Agent({ ...pool, ...tlsOptions(endpoint) }) : new http.Agent(pool);
  const prefix = base.pathname.replace(/\/$/, '');

  type Bearer = string | undefined;

  const attempt = async (request: TransportRequest, bearer: Bearer): Promise<http.IncomingMessage> => {
    const exchange = { method: request.method, host: base.host };
    try {
      const response = await begin(request, bearer);
      observer?.exchanged({ ...exchange, status: response.statusCode });
      return response;
    } catch (error) {
      observer?.exchanged(exchange);
      throw error;
    }
  };

  const begin = async (request: TransportRequest, bearer: Bearer): Promise<http.IncomingMessage> => {
    const headers: Record<string, string> = {
      accept: request.accept ?? 'application/json',
      'user-agent': 'tendril',
    };
    if (bearer !== undefined) headers.authorization = `Bearer ${bearer}`;
    const payload = request.body === undefined ? undefined : JSON.stringify(request.body);
    if (payload !== undefined) {
      headers['content-type'] = request.contentType ?? 'application/json';
      headers['content-length'] = String(Buffer.byteLength(payload));
    }
    return exchange(
      (secure ? https : http).request({
        host: base.hostname.replace(/^\[|\]$/g, ''),
        port: base.port || (secure ? 443 : 80),
        agent,
        method: request.method,
        path: prefix + request.path,
        headers,
        signal: request.signal,
      }),
      {
        ...{ payload, connectTimeoutMs, server: endpoint.server },
        timeoutMs: request.timeoutMs ?? defaultTimeoutMs,
      },
    );
  };

  const whole = async (response: http.IncomingMessage, request: TransportRequest): Promise<string> => {
    const idleMs = request.timeoutMs ?? defaultTimeoutMs;
    return await readBody(response, { server: endpoint.server, idleMs });
  };

  const patiently = async (request: TransportRequest, bearer: Bearer): Promise<http.IncomingMessage> => {
    try {
      return await attempt(request, bearer);
    } catch (error) {
      // The server may close an idle connection just as it is used again; asking once more changes nothing.
      if (!(error instanceof StaleConnection) || request.method !== 'GET') throw error;
      return await attempt(request, bearer);
    }
  };

  const believed = async (request: TransportRequest): Promise<http.IncomingMessage> => {
    const bearer = await token.read();
    const response = await patiently(request, bearer);
    // Not even looked at: whatever it is may be asked for again, where the token has been renewed meanwhile.
    const renewed = response.statusCode === 401 ? await token.renewed(bearer) : undefined;
    if (renewed === undefined) return response;
    response.resume();
    return await attempt(request, renewed);
  };

  const open = async (request: TransportRequest): Promise<http.IncomingMessage> => {
    const response = await believed(request);
    const code = response.statusCode ?? 500;
    if (code >= 400) throw errorOf(code, await whole(response, request));
    return response;
  };

  const read = async (request: TransportRequest): Promise<unknown> => {
    const response = await open(request);
    const text = await whole(response, request);
    request.onLength?.(text.length);
    const json = response.headers['content-type']?.includes('json');
    return json ? decodeAnswer(titleOf(request), text) : text;
  };

  return {
    open: (request) => orCancelled(request, () => open(request)),
    send: async (request) => {
      const startedAt = clock.monotonic();
      try {
        return await orCancelled(request, () => read(request));
      } finally {
        observer?.answered({ method: request.method, host: base.host }, clock.monotonic() - startedAt);
      }
    },
    close: () => agent.destroy(),
  };
}

const titleOf = ({ method, path }: TransportRequest): string => `${method} ${path}`;

/** Whatever an abort breaks, in whichever phase, is told as what it is. */
async function orCancelled<T>(request: TransportRequest, exchange: () => Promise<T>): Promise<T> {
  const { signal } = request;
  throwIfCancelled(titleOf(request), signal);
  try {
    return await exchange();
  } catch (error) {
    if (signal?.aborted) throw cancelled(titleOf(request), signal);
    throw error;
  }
}

function tlsOptions(endpoint: ApiEndpoint): https.AgentOptions {
  const { ca, cert, key, insecure, serverName } = endpoint;
  return {
    ...{ ca, cert, key, rejectUnauthorized: !insecure },
    ...(serverName && !isIP(serverName) && { servername: serverName }),
    // An address is no name that TLS could ask for (RFC 6066), yet the certificate may be of one.
    ...(serverName && { checkServerIdentity: (_, cert) => checkServerIdentity(serverName, cert) }),
  };
}

interface TokenSource {
  read(): Promise<string | undefined>;
  /** The one that the file has, read anew; undefined where that is the refused one. */
  renewed(refused: string | undefined): Promise<string | undefined>;
}

function tokenSource({ token, tokenFile }: ApiEndpoint, clock: Clock): TokenSource {
  if (tokenFile === undefined) return { read: async () => token, renewed: async () => undefined };
  let cached: { value: string; until: number } | undefined;
  const readAnew = async () => {
    const value = (await readFile(tokenFile, 'utf8')).trim();
    cached = { value, until: clock.monotonic() + tokenLifeMs };
    return value;
  };
  return {
    read: async () =>
      cached === undefined || clock.monotonic() > cached.until ? await readAnew() : cached.value,
    renewed: async (refused) => {
      const value = await readAnew();
      return value === refused ? undefined : value;
    },
  };
}

/** HTTP to an API server: kept-alive connections, credentials, time limits, errors as the client's contract says. */
import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { type Clock, systemClock } from '../../util/clock.ts';
import { decodeAnswer, errorOf, readBody } from './answer.ts';
import { cancelled, throwIfCancelled } from './cancellation.ts';
import { type CredentialSource, type Credentials, credentialSource } from './credentials.ts';
import { exchange, StaleConnection } from './exchange.ts';
import { createFailover, type Failover } from './failover.ts';
import type { ApiEndpoint } from './kubeconfig.ts';
import { type OpenWebSocket, openWebSocket } from './web-socket.ts';

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

export interface WebSocketRequest extends Pick<TransportRequest, 'path' | 'signal' | 'timeoutMs'> {
  /** Names of protocols, in the order of preference. */
  protocols: readonly string[];
}

export interface Transport {
  /** The answer as a stream, once its head is there and says success. Throws as KubeClient does. */
  open(request: TransportRequest): Promise<http.IncomingMessage>;
  /** The whole answer, JSON decoded (text where it does not claim to be JSON). */
  send(request: TransportRequest): Promise<unknown>;
  /** A WebSocket, which lives until its opener closes it. Throws as `open` does. */
  webSocket(request: WebSocketRequest): Promise<OpenWebSocket>;
  close(): void;
}

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
  const credentials = credentialSource(endpoint, clock);
  const servers = [...new Set([server, ...alternatives])];
  if (servers.length === 1) return transportTo(endpoint, { clock, observer, credentials });
  const connect = (server: string) =>
    transportTo({ ...endpoint, server }, { clock, observer, credentials, connectTimeoutMs });
  return createFailover({ servers, connect, onFailover });
}

interface OneServerOptions extends Pick<TransportOptions, 'observer' | 'connectTimeoutMs'> {
  clock: Clock;
  credentials: CredentialSource;
}

function transportTo(
  endpoint: ApiEndpoint,
  { clock, observer, credentials, connectTimeoutMs }: OneServerOptions,
): Transport {
  const base = new URL(endpoint.server);
  const secure = base.protocol === 'https:';
  // TCP keep-alive finds dead peers of quiet watches.
  const pool = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 16 };
  const agentOf = (options: http.AgentOptions, shown: Credentials) =>
    secure ? new https.Agent({ ...options, ...tlsOptions(endpoint, shown) }) : new http.Agent(options);
  /** A connection is of one certificate: those of an earlier one end as what uses them ends. */
  const agents: { cert: string | undefined; agent: http.Agent }[] = [];
  const agentFor = (shown: Credentials): http.Agent => {
    const last = agents.at(-1);
    if (last !== undefined && last.cert === shown.cert) return last.agent;
    const agent = agentOf(pool, shown);
    agents.push({ cert: shown.cert, agent });
    return agent;
  };
  const prefix = base.pathname.replace(/\/$/, '');

  const attempt = async (request: TransportRequest, shown: Credentials): Promise<http.IncomingMessage> => {
    const exchange = { method: request.method, host: base.host };
    try {
      const response = await begin(request, shown);
      observer?.exchanged({ ...exchange, status: response.statusCode });
      return response;
    } catch (error) {
      observer?.exchanged(exchange);
      throw error;
    }
  };

  const begin = async (request: TransportRequest, shown: Credentials): Promise<http.IncomingMessage> => {
    const headers = headersOf(shown);
    headers.accept = request.accept ?? 'application/json';
    const payload = request.body === undefined ? undefined : JSON.stringify(request.body);
    if (payload !== undefined) {
      headers['content-type'] = request.contentType ?? 'application/json';
      headers['content-length'] = String(Buffer.byteLength(payload));
    }
    return exchange(
      (secure ? https : http).request({
        host: base.hostname.replace(/^\[|\]$/g, ''),
        port: base.port || (secure ? 443 : 80),
        agent: agentFor(shown),
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

  const patiently = async (request: TransportRequest, shown: Credentials): Promise<http.IncomingMessage> => {
    try {
      return await attempt(request, shown);
    } catch (error) {
      // The server may close an idle connection just as it is used again; asking once more changes nothing.
      if (!(error instanceof StaleConnection) || request.method !== 'GET') throw error;
      return await attempt(request, shown);
    }
  };

  const believed = async (request: TransportRequest): Promise<http.IncomingMessage> => {
    const shown = await credentials.read();
    const response = await patiently(request, shown);
    // Not even looked at: whatever it is may be asked for again, where the credentials have been renewed meanwhile.
    const renewed = response.statusCode === 401 ? await credentials.renewed(shown) : undefined;
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

  const handshake = async ({ path, protocols, signal, timeoutMs }: WebSocketRequest, shown: Credentials) => {
    // One that is kept alive may be closed just as the handshake begins, and a command must not be run twice.
    const agent = agentOf({ keepAlive: false }, shown);
    const headers = headersOf(shown);
    const url = `${base.origin}${prefix}${path}`;
    const exchange = { method: 'GET', host: base.host };
    try {
      const answer = await openWebSocket({
        ...{ url, protocols, headers, agent, signal },
        timeoutMs: timeoutMs ?? defaultTimeoutMs,
      });
      observer?.exchanged({ ...exchange, status: isRefusal(answer) ? answer.statusCode : 101 });
      return answer;
    } catch (error) {
      observer?.exchanged(exchange);
      throw error;
    }
  };

  const connect = async (request: WebSocketRequest): Promise<OpenWebSocket> => {
    const shown = await credentials.read();
    let answer = await handshake(request, shown);
    if (isRefusal(answer) && answer.statusCode === 401) {
      const renewed = await credentials.renewed(shown);
      if (renewed !== undefined) {
        answer.destroy();
        answer = await handshake(request, renewed);
      }
    }
    if (!isRefusal(answer)) return answer;
    throw errorOf(answer.statusCode ?? 500, await whole(answer, { method: 'GET', ...request }));
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
    webSocket: (request) => orCancelled({ method: 'GET', ...request }, () => connect(request)),
    close: () => {
      for (const { agent } of agents) agent.destroy();
    },
  };
}

const isRefusal = (answer: OpenWebSocket | http.IncomingMessage): answer is http.IncomingMessage =>
  !('protocol' in answer);

function headersOf({ token }: Credentials): Record<string, string> {
  return {
    'user-agent': 'tendril',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
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

function tlsOptions(endpoint: ApiEndpoint, { cert, key }: Credentials): https.AgentOptions {
  const { ca, insecure, serverName } = endpoint;
  return {
    ...{ ca, cert, key, rejectUnauthorized: !insecure },
    ...(serverName && !isIP(serverName) && { servername: serverName }),
    // An address is no name that TLS could ask for (RFC 6066), yet the certificate may be of one.
    ...(serverName && { checkServerIdentity: (_, cert) => checkServerIdentity(serverName, cert) }),
  };
}

/** HTTP to one API server: kept-alive connections, credentials, time limits, errors as the client's contract says. */
import { readFile } from 'node:fs/promises';
import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { type Clock, systemClock } from '../../util/clock.ts';
import { TendrilError } from '../../util/errors.ts';
import { decodeAnswer, errorOf, readBody } from './answer.ts';
import { cancelled, throwIfCancelled } from './cancellation.ts';
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
}

export function createTransport(
  endpoint: ApiEndpoint,
  { clock = systemClock, observer }: TransportOptions = {},
): Transport {
  const base = new URL(endpoint.server);
  const secure = base.protocol === 'https:';
  // TCP keep-alive finds dead peers of quiet watches.
  const pool = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 16 };
  const agent = secure ? new https.Agent({ ...pool, ...tlsOptions(endpoint) }) : new http.Agent(pool);
  const prefix = base.pathname.replace(/\/$/, '');
  const token = tokenSource(endpoint, clock);

  const attempt = async (request: TransportRequest): Promise<http.IncomingMessage> => {
    const exchange = { method: request.method, host: base.host };
    try {
      const response = await begin(request);
      observer?.exchanged({ ...exchange, status: response.statusCode });
      return response;
    } catch (error) {
      observer?.exchanged(exchange);
      throw error;
    }
  };

  const begin = async (request: TransportRequest): Promise<http.IncomingMessage> => {
    const headers: Record<string, string> = {
      accept: request.accept ?? 'application/json',
      'user-agent': 'tendril',
    };
    const bearer = await token();
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
      { payload, timeoutMs: request.timeoutMs ?? defaultTimeoutMs, server: endpoint.server },
    );
  };

  const whole = async (response: http.IncomingMessage, request: TransportRequest): Promise<string> => {
    const idleMs = request.timeoutMs ?? defaultTimeoutMs;
    return await readBody(response, { server: endpoint.server, idleMs });
  };

  const open = async (request: TransportRequest): Promise<http.IncomingMessage> => {
    let response: http.IncomingMessage;
    try {
      response = await attempt(request);
    } catch (error) {
      // The server may close an idle connection just as it is used again; asking once more changes nothing.
      if (!(error instanceof StaleConnection) || request.method !== 'GET') throw error;
      response = await attempt(request);
    }
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

function tokenSource(endpoint: ApiEndpoint, clock: Clock): () => Promise<string | undefined> {
  const { token, tokenFile } = endpoint;
  if (tokenFile === undefined) return async () => token;
  let cached: { value: string; until: number } | undefined;
  return async () => {
    if (cached === undefined || clock.monotonic() > cached.until) {
      const value = (await readFile(tokenFile, 'utf8')).trim();
      cached = { value, until: clock.monotonic() + tokenLifeMs };
    }
    return cached.value;
  };
}

/** A reused connection that broke before an answer began. */
class StaleConnection extends TendrilError {}

interface ExchangeOptions {
  payload: string | undefined;
  timeoutMs: number;
  server: string;
}

function exchange(request: http.ClientRequest, options: ExchangeOptions): Promise<http.IncomingMessage> {
  const { payload, timeoutMs, server } = options;
  return new Promise((resolve, reject) => {
    let late = false;
    const onTimeout = () => {
      late = true;
      request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`));
    };
    const timer = timeoutMs === 0 ? undefined : setTimeout(onTimeout, timeoutMs);
    request.on('response', (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    request.on('error', (cause) => {
      clearTimeout(timer);
      const kind = request.reusedSocket && !late ? StaleConnection : TendrilError;
      reject(new kind('API_UNREACHABLE', `the API server at ${server} does not answer`, { cause }));
    });
    request.end(payload);
  });
}

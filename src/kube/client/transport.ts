/** HTTP to one API server: kept-alive connections, credentials, time limits, errors as the client's contract says. */
import { readFile } from 'node:fs/promises';
import * as http from 'node:http';
import * as https from 'node:https';
import { type Clock, systemClock } from '../../util/clock.ts';
import { TendrilError } from '../../util/errors.ts';
import { ApiError, type Status } from './api-error.ts';
import type { ApiEndpoint } from './kubeconfig.ts';

export interface TransportRequest {
  method: string;
  /** Path and query. */
  path: string;
  body?: unknown;
  contentType?: string;
  /** Media types that are taken; JSON unless given. */
  accept?: string;
  signal?: AbortSignal;
  /** No answer begun after this long is an error; none for 0. */
  timeoutMs?: number;
}

export interface Transport {
  /** The answer as a stream, once its head is there and says success. Throws as KubeClient does. */
  open(request: TransportRequest): Promise<http.IncomingMessage>;
  /** The whole answer, JSON decoded (text where it is not JSON). */
  send(request: TransportRequest): Promise<unknown>;
  close(): void;
}

const tokenLifeMs = 60_000;

export function createTransport(endpoint: ApiEndpoint, clock: Clock = systemClock): Transport {
  const base = new URL(endpoint.server);
  const secure = base.protocol === 'https:';
  // TCP keep-alive finds dead peers of quiet watches.
  const pool = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 16 };
  const agent = secure ? new https.Agent({ ...pool, ...tlsOptions(endpoint) }) : new http.Agent(pool);
  const prefix = base.pathname.replace(/\/$/, '');
  const token = tokenSource(endpoint, clock);

  const attempt = async (request: TransportRequest): Promise<http.IncomingMessage> => {
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
      { payload, timeoutMs: request.timeoutMs ?? 30_000, server: endpoint.server },
    );
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
    if ((response.statusCode ?? 500) < 400) return response;
    throw new ApiError(statusOf(response.statusCode ?? 500, await readBody(response, endpoint.server)));
  };

  return {
    open,
    async send(request) {
      const response = await open(request);
      const text = await readBody(response, endpoint.server);
      return response.headers['content-type']?.includes('json') ? JSON.parse(text) : text;
    },
    close: () => agent.destroy(),
  };
}

function tlsOptions(endpoint: ApiEndpoint): https.AgentOptions {
  const { ca, cert, key, insecure, serverName } = endpoint;
  return { ca, cert, key, rejectUnauthorized: !insecure, ...(serverName ? { servername: serverName } : {}) };
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
    const timer =
      timeoutMs === 0
        ? undefined
        : setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    request.on('response', (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    request.on('error', (cause) => {
      clearTimeout(timer);
      const kind = request.reusedSocket ? StaleConnection : TendrilError;
      reject(new kind('API_UNREACHABLE', `the API server at ${server} does not answer`, { cause }));
    });
    request.end(payload);
  });
}

async function readBody(response: http.IncomingMessage, server: string): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (cause) {
    throw new TendrilError('API_UNREACHABLE', `the API server at ${server} broke off its answer`, { cause });
  }
  return Buffer.concat(chunks).toString();
}

const reasons: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Gone',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** The Status in an error's body, or one made of the code where a proxy or the like answered something else. */
function statusOf(code: number, body: string): Status {
  try {
    const status = JSON.parse(body) as Status;
    if (status.kind === 'Status') return { ...status, code: status.code ?? code };
  } catch {
    // Not JSON: the text itself is the best message.
  }
  const message = body.trim().slice(0, 500) || `HTTP ${code}`;
  return {
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    message,
    reason: reasons[code],
    code,
  };
}

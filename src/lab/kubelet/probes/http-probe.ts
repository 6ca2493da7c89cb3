/**
 * An HTTP GET from the node, as kubelet's probes and hooks do it: a status of 200 to 399 is a success, certificates are
 * not verified, redirects to another host are not followed (and count as a success).
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { HttpTarget } from './probe-action.ts';

export interface ProbeResult {
  ok: boolean;
  message: string;
}

export type Dial = (to: { ip: string; port: number; timeoutMs: number }) => Promise<Socket>;

const maxBody = 10 * 1024;
const maxRedirects = 10;

export async function httpProbe(target: HttpTarget, dial: Dial, timeoutMs: number): Promise<ProbeResult> {
  const until = performance.now() + timeoutMs;
  let at = target;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const answer = await get(at, dial, Math.max(1, until - performance.now())).catch((error) => {
      throw new Error(`Get "${urlOf(at)}": ${(error as Error).message}`, { cause: error });
    });
    const next = answer.location === undefined ? undefined : redirect(at, answer.location);
    if (answer.status < 300 || answer.status >= 400 || next === undefined) return verdict(answer);
    if (next.host !== at.host || next.port !== at.port)
      return { ok: true, message: 'redirect to another host' };
    at = next;
  }
  return { ok: false, message: `stopped after ${maxRedirects} redirects` };
}

function verdict({ status, body }: Answer): ProbeResult {
  if (status >= 200 && status < 400) return { ok: true, message: body };
  return { ok: false, message: `HTTP probe failed with statuscode: ${status}` };
}

interface Answer {
  status: number;
  body: string;
  location?: string;
}

async function get(target: HttpTarget, dial: Dial, timeoutMs: number): Promise<Answer> {
  const tcp = await dial({ ip: target.host, port: target.port, timeoutMs });
  const socket = target.scheme === 'https' ? tlsConnect({ socket: tcp, rejectUnauthorized: false }) : tcp;
  try {
    return await exchange(target, socket, timeoutMs);
  } finally {
    socket.destroy();
    tcp.destroy();
  }
}

function exchange(target: HttpTarget, socket: Socket, timeoutMs: number): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const send = target.scheme === 'https' ? httpsRequest : httpRequest;
  const request = send({
    createConnection: () => socket,
    path: target.path,
    headers: headersOf(target),
  });
  const late = new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)');
  const timer = setTimeout(() => request.destroy(late), timeoutMs);
  request.on('close', () => clearTimeout(timer));
  request.on('response', (response) => readAnswer(response).then(resolve, reject));
  request.on('error', reject);
  request.end();
  return promise;
}

function authorityOf({ host, port }: HttpTarget): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function urlOf(target: HttpTarget): string {
  return `${target.scheme}://${authorityOf(target)}${target.path}`;
}

function headersOf(target: HttpTarget): Record<string, string> {
  const named = Object.fromEntries(target.headers.map(([name, value]) => [name.toLowerCase(), value]));
  return {
    host: authorityOf(target),
    'user-agent': 'kube-probe/1.36',
    accept: '*/*',
    connection: 'close',
    ...named,
  };
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const status = response.statusCode ?? 0;
  const location = response.headers.location;
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) {
    body += chunk;
    if (body.length >= maxBody) break;
  }
  return { status, body: body.slice(0, maxBody), ...(location ? { location } : {}) };
}

function redirect(from: HttpTarget, location: string): HttpTarget | undefined {
  const url = URL.parse(location, urlOf(from));
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  return {
    scheme,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (scheme === 'https' ? 443 : 80),
    path: `${url.pathname}${url.search}`,
    headers: from.headers,
  };
}

/** One API server as a client sees it that sends what it likes, be it no JSON. */
import { request as httpsRequest } from 'node:https';
import type { ApiEndpoint } from '../../../src/kube/client/kubeconfig.ts';

export interface Exchange {
  method: string;
  /** With its query; `{ns}` is the namespace of the case, and a name that no other case has. */
  path: string;
  /** Sent as JSON; a string as it is. `{ns}` likewise. */
  body?: unknown;
  /** Of the body; application/json unless given. */
  type?: string;
  headers?: Record<string, string>;
  /** Asked again until that is the answer's status, ten seconds at most. */
  until?: number;
}

export interface Answer {
  status: number;
  warnings: string[];
  /** JSON; a list of events where the answer is a stream of them; text otherwise. */
  body: unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what a case looks for
export type Json = any;

function bodyOf({ body }: Exchange): string | undefined {
  if (body === undefined) return undefined;
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const lines = text.split('\n').filter((line) => line !== '');
    try {
      return lines.map((line) => JSON.parse(line));
    } catch {
      return text;
    }
  }
}

const patienceMs = 10_000;

/** As `exchange`, once or until it is answered as is waited for. */
export async function exchangeUntil(endpoint: ApiEndpoint, sent: Exchange): Promise<Answer> {
  const end = Date.now() + patienceMs;
  let answer = await exchange(endpoint, sent);
  while (sent.until !== undefined && answer.status !== sent.until && Date.now() < end)
    answer = await exchange(endpoint, sent);
  return answer;
}

/** Settles when the answer is complete: a watch says with timeoutSeconds when that is. */
export function exchange(endpoint: ApiEndpoint, sent: Exchange): Promise<Answer> {
  const { server, ca, cert, key } = endpoint;
  const body = bodyOf(sent);
  const headers = {
    'user-agent': 'differential/1',
    accept: 'application/json',
    ...(body === undefined
      ? {}
      : {
          'content-type': sent.type ?? 'application/json',
          'content-length': String(Buffer.byteLength(body)),
        }),
    ...sent.headers,
  };
  return new Promise((resolve, reject) => {
    const { method } = sent;
    const options = { method, headers, ca, cert, key, agent: false, timeout: 20_000 };
    const request = httpsRequest(`${server}${sent.path}`, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { warning } = response.headers as { warning?: string };
        const warnings = warning === undefined ? [] : warning.split(/, (?=299)/);
        resolve({ status: response.statusCode!, warnings, body: decode(Buffer.concat(chunks).toString()) });
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no answer: ${method} ${sent.path}`)));
    request.on('error', reject);
    request.end(body);
  });
}

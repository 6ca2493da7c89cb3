/** What an API server answers, from bytes to a value or to the error that callers are promised. */
import type { IncomingMessage } from 'node:http';
import { TendrilError } from '../../util/errors.ts';
import { ApiError, type Status } from './api-error.ts';

interface ReadOptions {
  /** Named in errors. */
  server: string;
  /** An answer that pauses for longer is given up; never for 0. */
  idleMs: number;
}

/** The whole body as text. @throws TendrilError API_UNREACHABLE where it breaks off or stalls */
export async function readBody(response: IncomingMessage, { server, idleMs }: ReadOptions): Promise<string> {
  const stalled = () => response.destroy(new Error(`nothing more came within ${idleMs / 1000} s`));
  const timer = idleMs === 0 ? undefined : setTimeout(stalled, idleMs);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      timer?.refresh();
    }
  } catch (cause) {
    throw new TendrilError('API_UNREACHABLE', `the API server at ${server} broke off its answer`, { cause });
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).toString();
}

/** Decodes JSON; `request` names what was asked. @throws ApiError where it is none */
export function decodeAnswer(request: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notUnderstood(request, { what: `no JSON: ${excerpt(text)}`, cause });
  }
}

/** An answer that claims success and is not what the API promises: a proxy's page, say. */
export function notUnderstood(request: string, problem: { what: string; cause?: unknown }): ApiError {
  const status = failure(502, `the answer to ${request} is ${problem.what}`);
  const remedy =
    'Something between here and the API server may answer in its place: see the server in the kubeconfig.';
  return new ApiError(status, { cause: problem.cause, remedy });
}

/** The error in an answer of HTTP status `code`: its Status, or one made of what a proxy or the like said. */
export function errorOf(code: number, body: string): ApiError {
  try {
    const status = JSON.parse(body) as Status;
    if (status.kind === 'Status') return new ApiError({ ...status, code: status.code ?? code });
  } catch {
    // Not JSON: the text itself is the best message.
  }
  return new ApiError(failure(code, excerpt(body) || `HTTP ${code}`));
}

const excerpt = (text: string): string => text.trim().slice(0, 500);

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

function failure(code: number, message: string): Status {
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

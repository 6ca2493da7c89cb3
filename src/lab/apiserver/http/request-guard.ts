/** What a request's head must be before anything reads it further. */
import type { IncomingMessage } from 'node:http';
import { protobufMediaType } from '../protobuf/envelope.ts';
import { badRequest, unsupportedMediaType } from '../status.ts';

const objects = ['application/json', 'application/yaml', protobufMediaType];

const patches = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

/** Throws ApiError BadRequest for a target that is no URL, as `//` and `http://host:99999/`. */
export function checkTarget({ url = '/' }: IncomingMessage): void {
  if (!URL.canParse(url, 'http://server')) throw badRequest(`"${url}" is no path of this server`);
}

/** Whether the method has a body that is read. */
export function takesBody({ method = 'GET' }: IncomingMessage): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** Whether a body was sent along, of whatever method. */
export function hasBody({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Throws ApiError UnsupportedMediaType for what forms and curl send unless told otherwise. An absent type stands
 * for JSON, as in kube-apiserver (endpoints/handlers/negotiation); a DELETE may be without a body, of whatever type.
 */
export function checkMediaType({ method, headers }: IncomingMessage): void {
  const [type = ''] = (headers['content-type'] ?? '').toLowerCase().split(/\s*;/);
  if (type === '' || (method === 'DELETE' && !hasBody({ headers }))) return;
  const accepted = method === 'PATCH' ? patches : objects;
  if (accepted.includes(type)) return;
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
}

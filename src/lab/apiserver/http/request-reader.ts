/** From an HTTP request to the handler's: body read, decompressed and decoded. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { ApiRequest } from '../api-request.ts';
import { readImpersonation } from '../auth/impersonation.ts';
import { decodeObject, protobufMediaType } from '../protobuf/envelope.ts';
import { badRequest, requestEntityTooLarge } from '../status.ts';
import { guardBody } from './body-guard.ts';
import { bodyLimits, receiveBody } from './body-receiver.ts';
import { duplicateFields } from './duplicate-fields.ts';
import { checkMediaType, takesBody } from './request-guard.ts';

const unpack = promisify(gunzip);

/** Off the event loop, and never to more than a body may have. */
async function decompress(bytes: Buffer): Promise<Buffer> {
  try {
    return await unpack(bytes, { maxOutputLength: bodyLimits.bytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw requestEntityTooLarge(`the request is larger than ${bodyLimits.bytes} bytes`);
    throw badRequest(`the body is no gzip: ${(error as Error).message}`);
  }
}

type Decoded = Pick<ApiRequest, 'body' | 'duplicates'>;

function decodeJson(text: string): Decoded {
  const body = JSON.parse(text);
  return { body, duplicates: duplicateFields(text, body).map((path) => `duplicate field "${path}"`) };
}

async function decodeYaml(text: string): Promise<Decoded> {
  const yaml = await import('../../../util/yaml.ts');
  return yaml.parseLeniently(text);
}

async function decode(bytes: Buffer, type: string): Promise<Decoded> {
  if (bytes.length === 0) return {};
  if (type.includes(protobufMediaType)) return { body: await decodeObject(bytes) };
  const text = bytes.toString();
  try {
    return type.includes('yaml') ? await decodeYaml(text) : decodeJson(text);
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${(error as Error).message}`);
  }
}

function headOf(message: IncomingMessage): ApiRequest {
  const { pathname: path, searchParams: query } = new URL(message.url ?? '/', 'http://server');
  const { accept, 'content-type': contentType, 'user-agent': userAgent } = message.headers;
  const impersonation = readImpersonation(message);
  return { method: message.method ?? 'GET', path, query, accept, contentType, userAgent, impersonation };
}

/** A request to upgrade has no body. */
export function readUpgrade(message: IncomingMessage): ApiRequest {
  return { ...headOf(message), upgrade: true };
}

/** Throws ApiError for a body that is too large or late, of another type, or malformed. */
export async function readRequest(message: IncomingMessage, signal: AbortSignal): Promise<ApiRequest> {
  const request = { ...headOf(message), signal };
  if (!takesBody(message)) return request;
  checkMediaType(message);
  const type = request.contentType ?? 'application/json';
  const received = await receiveBody(message);
  const bytes = message.headers['content-encoding'] === 'gzip' ? await decompress(received) : received;
  const decoded = await decode(bytes, type.toLowerCase());
  guardBody(decoded.body);
  return { ...request, ...decoded };
}

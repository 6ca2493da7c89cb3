/** From the handler's answer to HTTP. */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { gzip } from 'node:zlib';
import type { ApiResponse } from '../api-request.ts';
import { encodeAnswer, encodeFrame } from '../protobuf/answers.ts';
import { protobufMediaType } from '../protobuf/envelope.ts';
import { loadMessageTypes, type MessageTypes } from '../protobuf/message-types.ts';
import type { StreamEvent, WatchStream } from '../rest/watch-stream.ts';
import { encodeEvent, encodePieces } from './encoding.ts';
import { EventWriter } from './event-writer.ts';

/** Compression costs more than it saves on one machine, but for what kubectl caches on disk. */
const compressFromBytes = 1 << 20;

/** As many as fit: clients bound what they take of headers. */
const maxWarningBytes = 4096;

function warningHeaders(warnings: readonly string[] = []): Record<string, string[]> {
  const values: string[] = [];
  let size = 0;
  for (const text of warnings) {
    const value = `299 - "${quoted(text)}"`;
    size += value.length;
    if (size > maxWarningBytes) break;
    values.push(value);
  }
  return values.length === 0 ? {} : { warning: values };
}

/** UTF-8 on the wire, which Node.js takes byte by byte; control characters as a header cannot have them. */
function quoted(text: string): string {
  const printable = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll(/\p{Cc}/gu, ' ');
  return Buffer.from(printable).toString('latin1');
}

function sendBytes(out: ServerResponse, content: string | Uint8Array, gzipped: boolean): void {
  if (!gzipped || content.length < compressFromBytes) {
    out.end(content);
    return;
  }
  gzip(content, { level: 1 }, (_error, packed) => {
    out.setHeader('content-encoding', 'gzip');
    out.end(packed);
  });
}

/**
 * One piece is an answer with its length. More are handed over as the client takes them, so that fifty who list
 * thousands of objects at once cost what is on its way; and not compressed, which costs more than it saves.
 */
async function sendPieces(
  out: ServerResponse,
  pieces: Iterator<string | Uint8Array>,
  gzipped: boolean,
): Promise<void> {
  const first = pieces.next().value as string | Uint8Array;
  let next = pieces.next();
  if (next.done) return sendBytes(out, first, gzipped);
  out.write(first);
  for (; !next.done; next = pieces.next()) {
    if (out.writableNeedDrain) await drained(out);
    if (out.destroyed) return;
    out.write(next.value);
  }
  out.end();
}

/** Or closed. */
async function drained(out: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  out.on('drain', resolve).on('close', resolve);
  await promise;
  out.off('drain', resolve).off('close', resolve);
}

/** Resolves when the watch has ended, or the client has gone. */
async function sendEvents(
  out: ServerResponse,
  events: WatchStream,
  types: MessageTypes | undefined,
): Promise<void> {
  const contentType = types === undefined ? 'application/json' : `${protobufMediaType};stream=watch`;
  out.writeHead(200, { 'content-type': contentType });
  out.flushHeaders();
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  using writer = new EventWriter(out, () => send());
  let batch: readonly StreamEvent[] = [];
  let next = 0;
  /** As far as the client keeps up. */
  const send = () => {
    try {
      while (!writer.isFull) {
        if (next === batch.length) {
          batch = events.take();
          next = 0;
          if (batch.length === 0) break;
        }
        const event = batch[next++]!;
        writer.write(types === undefined ? encodeEvent(event) : encodeFrame(types, event));
      }
      if (batch.length === 0 && events.isClosed) resolve();
    } catch (error) {
      reject(error);
    }
  };
  out.once('close', resolve);
  events.onReady(send);
  send();
  try {
    await ended;
    writer.end();
  } finally {
    events.close();
  }
}

/** Of a Status that says when to ask again, in seconds. */
function retryAfterOf(body: unknown): number | undefined {
  const { kind, details } = body as { kind?: string; details?: { retryAfterSeconds?: number } };
  return kind === 'Status' ? details?.retryAfterSeconds : undefined;
}

interface Accepted {
  acceptsGzip: boolean;
  accept?: string | undefined;
}

/** Whether it asks for protobuf before JSON, and for objects as they are. */
function prefersProtobuf(accept = ''): boolean {
  const clauses = accept.split(',').map((clause) => clause.trim());
  const first = clauses.find((clause) =>
    /^(application\/(json|vnd\.kubernetes\.protobuf|\*)|\*\/\*)/.test(clause),
  );
  return first?.startsWith(protobufMediaType) === true && !first.includes(';as=');
}

/** In the first form that the client takes and the body has; its type is in the head then. */
async function encodeBody(
  out: ServerResponse,
  body: unknown,
  accept: string | undefined,
): Promise<Iterator<string | Uint8Array>> {
  const inProtobuf = prefersProtobuf(accept) ? await encodeAnswer(body) : undefined;
  out.setHeader('content-type', inProtobuf === undefined ? 'application/json' : protobufMediaType);
  return inProtobuf ?? encodePieces(body);
}

/** Resolves when the answer is handed over; a watch's when it has ended. */
export async function writeResponse(
  out: ServerResponse,
  response: ApiResponse,
  { acceptsGzip, accept }: Accepted,
): Promise<void> {
  if ('events' in response)
    return sendEvents(out, response.events, response.protobuf && (await loadMessageTypes()));
  if ('open' in response) throw new Error('an answer to an upgrade alone');
  out.statusCode = response.status;
  if ('body' in response) {
    for (const [name, values] of Object.entries(warningHeaders(response.warnings)))
      out.setHeader(name, values);
    const wait = retryAfterOf(response.body);
    if (wait !== undefined) out.setHeader('retry-after', wait);
    return sendPieces(out, await encodeBody(out, response.body, accept), acceptsGzip);
  }
  out.setHeader('content-type', response.contentType);
  if (!(response.raw instanceof Readable)) {
    sendBytes(out, response.raw, acceptsGzip);
    return;
  }
  const { raw } = response;
  out.on('close', () => raw.destroy());
  raw.on('error', () => out.destroy());
  raw.pipe(out);
}

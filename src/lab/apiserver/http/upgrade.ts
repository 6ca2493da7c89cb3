/** A connection whose protocol the client wants to change. */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { ApiResponse } from '../api-request.ts';
import { negotiate, type Refusal } from '../streams/negotiation.ts';
import { serveStreams } from '../streams/serve-streams.ts';
import { writeResponse } from './response-writer.ts';

/** Requests that can be upgraded; others ask in vain, and are answered as if they had not. */
export function isUpgradable({ url = '' }: IncomingMessage): boolean {
  return /\/(exec|attach|portforward)(\?|$)/.test(url);
}

export type Upgrade = (message: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Serves the streams that are asked for, or says why not, and closes the connection. */
export function upgrade(answer: (message: IncomingMessage) => Promise<ApiResponse>): Upgrade {
  return async (message, socket, head) => {
    socket.on('error', () => {});
    const response = await answer(message);
    if (!('open' in response)) return await refuse(message, socket, response);
    const chosen = negotiate(message.headers, response.open);
    if ('transport' in chosen) serveStreams({ message, socket, head }, chosen, response.open);
    else await refuse(message, socket, textOf(chosen), chosen.headers);
  };
}

function textOf({ status, text }: Refusal): ApiResponse {
  return { status, contentType: 'text/plain; charset=utf-8', raw: text };
}

async function refuse(
  message: IncomingMessage,
  socket: Duplex,
  response: ApiResponse,
  headers: Record<string, string[]> = {},
): Promise<void> {
  const out = new ServerResponse(message);
  out.assignSocket(socket as TLSSocket);
  out.shouldKeepAlive = false;
  for (const [name, values] of Object.entries(headers)) out.setHeader(name, values);
  out.on('finish', () => socket.end());
  await writeResponse(out, response, { acceptsGzip: false }).catch(() => socket.destroy());
}

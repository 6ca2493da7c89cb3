/** A WebSocket to an API server, which the API's exec and port-forward speak; the handshake is a request as any other. */
import type * as http from 'node:http';
import type { WebSocket } from 'ws';
import { TendrilError } from '../../util/errors.ts';

export interface OpenWebSocket {
  /** Paused: its first messages wait for `resume`. */
  socket: WebSocket;
  /** The one of those offered that the server chose; empty for none. */
  protocol: string;
}

export interface Handshake {
  /** With the scheme `http` or `https`. */
  url: string;
  /** In the order of preference. */
  protocols: readonly string[];
  headers: Readonly<Record<string, string>>;
  agent: http.Agent;
  timeoutMs: number;
  signal?: AbortSignal;
}

/**
 * The WebSocket, or the answer of a server that opens none, whose body is not read yet.
 * @throws TendrilError API_UNREACHABLE
 */
export async function openWebSocket(handshake: Handshake): Promise<OpenWebSocket | http.IncomingMessage> {
  const { url, protocols, headers, agent, timeoutMs, signal } = handshake;
  // Agents and servers never need it.
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(url.replace(/^http/, 'ws'), {
    ...{ agent, perMessageDeflate: false, followRedirects: false },
    ...(timeoutMs > 0 && { handshakeTimeout: timeoutMs }),
    headers: { ...headers, 'sec-websocket-protocol': protocols.join(', ') },
  });
  let protocol = '';
  // `ws` takes no name that is no token, as `SPDY/3.1+portforward.k8s.io`: it neither offers nor sees any.
  socket.on('upgrade', (response) => {
    protocol = response.headers['sec-websocket-protocol'] ?? '';
    delete response.headers['sec-websocket-protocol'];
  });
  const abort = () => socket.terminate();
  signal?.addEventListener('abort', abort);
  try {
    const refusal = await new Promise<http.IncomingMessage | undefined>((resolve, reject) => {
      socket.once('unexpected-response', (_request, response) => resolve(response));
      socket.once('open', () => {
        socket.pause();
        resolve(undefined);
      });
      // It stays: one that breaks later ends with `close`.
      socket.on('error', reject);
    });
    if (refusal !== undefined) return refusal;
  } catch (cause) {
    const { origin } = new URL(url);
    throw new TendrilError('API_UNREACHABLE', `the API server at ${origin} does not answer`, { cause });
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  if (protocols.includes(protocol)) return { socket, protocol };
  socket.terminate();
  throw new TendrilError(
    'API',
    `the API server chose the protocol "${protocol}", not ${protocols.join(' or ')}`,
    {
      remedy:
        'Something between here and the API server may not pass WebSockets on: see the server in the kubeconfig.',
    },
  );
}

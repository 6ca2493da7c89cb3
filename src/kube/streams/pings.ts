import type { WebSocket } from 'ws';

const pingMs = 10_000;

/** What is between may take a quiet connection for a dead one: it is not quiet, until it is closed. */
export function pingWhileOpen(socket: WebSocket): void {
  const pings = setInterval(() => socket.ping(), pingMs);
  socket.once('close', () => clearInterval(pings));
}

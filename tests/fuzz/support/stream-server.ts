/** A server of upgraded connections whose commands echo, and how a client gets one. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { vi } from 'vitest';
import { upgrade } from '../../../src/lab/apiserver/http/upgrade.ts';
import type { StreamTarget } from '../../../src/lab/apiserver/streams/stream-target.ts';
import { FakeSession } from '../../../src/lab/launcher/fake-session.ts';

export interface StreamServer {
  /** What connections are for from now on. */
  target: StreamTarget;
  /** An upgraded connection; nobody reads it yet. */
  connect(headers: Record<string, string>): Promise<Socket>;
  /** Resolves once every session that was begun has been told that its client is gone. */
  nothingLeft(): Promise<void>;
  close(): void;
}

export async function streamServer(): Promise<StreamServer> {
  const begun: FakeSession[] = [];
  const command: StreamTarget = {
    kind: 'command',
    streams: { stdin: true, stdout: true, stderr: false, tty: false },
    begin: async () => {
      const session = new FakeSession();
      session.stdin.pipe(session.stdout);
      begun.push(session);
      return session;
    },
    failure: '',
    describeExit: String,
  };
  const server = createServer();
  const streams: StreamServer = {
    target: command,
    connect: async (headers) => {
      const { port } = server.address() as AddressInfo;
      const asked = request({ port, headers: { connection: 'Upgrade', ...headers }, agent: false });
      asked.end();
      const [, socket] = (await once(asked, 'upgrade')) as [unknown, Socket];
      return socket.on('error', () => {});
    },
    nothingLeft: async () => {
      await vi.waitUntil(() => begun.every((session) => session.isClosed), 5000);
      begun.length = 0;
    },
    close: () => void server.close(),
  };
  server.on(
    'upgrade',
    upgrade(async () => ({ status: 101, open: streams.target })),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return streams;
}

export const spdyHeaders = (version: string) => ({
  upgrade: 'SPDY/3.1',
  'x-stream-protocol-version': version,
});

export const webSocketHeaders = (protocol: string) => ({
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-protocol': protocol,
});

/** A message as a client masks it, with nothing. */
export function webSocketMessage(opcode: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0), payload]);
}

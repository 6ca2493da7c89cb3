/** The command line's clients of exec and port-forward, at this server. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
} from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createTransport, type Transport } from '../../../kube/client/transport.ts';
import { exitStatusOf, startCommand } from '../../../kube/streams/command-client.ts';
import { connectToPod } from '../../../kube/streams/port-client.ts';
import { FakeSession } from '../../launcher/fake-session.ts';
import type { ApiResponse } from '../api-request.ts';
import { upgrade } from '../http/upgrade.ts';
import type { StreamTarget, WantedStreams } from './stream-target.ts';

let server: Server;
let api: Transport;
let asked: IncomingMessage[];
let answer: () => ApiResponse;
const sockets: Duplex[] = [];

beforeEach(async () => {
  asked = [];
  server = createServer();
  server.on('upgrade', (message: IncomingMessage, socket: Duplex) => {
    asked.push(message);
    sockets.push(socket);
  });
  server.on(
    'upgrade',
    upgrade(async () => answer()),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  api = createTransport({ server: `http://127.0.0.1:${port}`, token: 'secret' });
});
afterEach(() => {
  api.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true));

describe('a command', () => {
  let session: FakeSession;
  const request = { namespace: 'ns', pod: 'p', container: 'c', command: ['a b', 'ü'] };

  function serving(streams: Partial<WantedStreams>): void {
    session = new FakeSession();
    const target: StreamTarget = {
      kind: 'command',
      streams: { stdin: false, stdout: true, stderr: false, tty: false, ...streams },
      begin: async () => session,
      failure: 'error executing command in container',
      describeExit: String,
    };
    answer = () => ({ status: 101, open: target });
  }

  test('is asked for by the path and query that kubectl asks for, with the credentials', async () => {
    serving({});
    const running = await startCommand(api, { ...request, stdin: false, tty: false });
    expect(asked[0]!.url).toBe(
      '/api/v1/namespaces/ns/pods/p/exec?container=c&stdout=true&stderr=true&command=a+b&command=%C3%BC',
    );
    expect(asked[0]!.headers.authorization).toBe('Bearer secret');
    running.close();
    await until(() => session.isClosed);
  });

  test('passes input to its end, outputs apart, and the exit status', async () => {
    serving({ stdin: true, stderr: true });
    const running = await startCommand(api, { ...request, stdin: true, tty: false });
    const outputs = Promise.all([running.stdout.toArray(), running.stderr.toArray()]);
    running.stdin!.end('typed');
    expect((await session.stdin.toArray()).join('')).toBe('typed');
    session.stdout.write('out');
    session.stderr.write('err');
    session.exit(3);
    expect(await running.exited).toBe(3);
    expect((await outputs).map((chunks) => chunks.join(''))).toEqual(['out', 'err']);
  });

  test('loses nothing for a reader that is slow', async () => {
    serving({});
    const running = await startCommand(api, { ...request, stdin: false, tty: false });
    running.stderr.resume();
    session.stdout.write(Buffer.alloc(10 << 20, 'x'));
    session.exit(0);
    let length = 0;
    for await (const chunk of running.stdout) {
      length += (chunk as Buffer).length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([length, await running.exited]).toEqual([10 << 20, 0]);
  });

  test('at a terminal is told the size', async () => {
    serving({ stdin: true, tty: true });
    const running = await startCommand(api, { ...request, stdin: true, tty: true });
    running.resize({ columns: 90, rows: 33 });
    await until(() => session.sizes.length === 1);
    expect(session.sizes).toEqual([{ columns: 90, rows: 33 }]);
    expect(asked[0]!.url).toContain('&stdin=true&tty=true&');
    running.close();
  });

  test('whose connection breaks is no success', async () => {
    serving({});
    const running = await startCommand(api, { ...request, stdin: false, tty: false });
    for (const output of [running.stdout, running.stderr]) output.resume();
    for (const socket of sockets) socket.destroy();
    await expect(running.exited).rejects.toMatchObject({ code: 'API_UNREACHABLE' });
  });

  test('that is refused is told by the Status', async () => {
    const body = { kind: 'Status', status: 'Failure', message: 'no such pod', reason: 'NotFound', code: 404 };
    answer = () => ({ status: 404, body });
    await expect(startCommand(api, { ...request, stdin: false, tty: false })).rejects.toMatchObject({
      message: 'no such pod',
      status: { code: 404 },
    });
  });

  test('that could not be run has no exit status', () => {
    const status = { status: 'Failure', reason: 'InternalError', message: 'error executing', code: 500 };
    expect(() => exitStatusOf(JSON.stringify(status))).toThrow('error executing');
  });
});

describe('a port', () => {
  let pod: TcpServer;
  const at = { namespace: 'ns', pod: 'p', port: 80 };

  beforeEach(async () => {
    pod = createTcpServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => pod.listen(0, '127.0.0.1', resolve));
    const target: StreamTarget = {
      kind: 'ports',
      ports: [],
      connect: async (port) => {
        if (port === 81) throw new Error('error forwarding port 81: connection refused');
        const socket = connect({ port: (pod.address() as AddressInfo).port, allowHalfOpen: true });
        await once(socket, 'connect');
        return socket;
      },
    };
    answer = () => ({ status: 101, open: target });
  });
  afterEach(() => pod.close());

  test('passes bytes both ways, and that one side has no more to send', async () => {
    const stream = await connectToPod(api, at);
    const bytes = Buffer.alloc(3 << 20, 'abc');
    stream.end(bytes);
    expect(Buffer.concat(await stream.toArray()).equals(bytes)).toBe(true);
    await until(() => sockets.every((socket) => socket.destroyed));
  });

  test('that nobody listens on is an error with what the node says', async () => {
    const stream = await connectToPod(api, { ...at, port: 81 });
    await expect(stream.toArray()).rejects.toThrow('error forwarding port 81: connection refused');
  });

  test('that is left is left there, too', async () => {
    const accepted = once(pod, 'connection') as Promise<[Duplex]>;
    const stream = await connectToPod(api, at);
    stream.write('x');
    const [connection] = await accepted;
    stream.destroy();
    await until(() => connection.destroyed || connection.readableEnded);
  });

  test('breaks with its connection', async () => {
    const stream = await connectToPod(api, at);
    for (const socket of sockets) socket.destroy();
    await expect(stream.toArray()).rejects.toThrow('broken off');
  });
});

test('a token that was refused is renewed for a WebSocket too', async () => {
  let issued = 0;
  const issueCredentials = async () => ({ token: String(++issued) });
  const { port } = server.address() as AddressInfo;
  const renewing = createTransport({ server: `http://127.0.0.1:${port}`, issueCredentials });
  const target: StreamTarget = { kind: 'ports', ports: [], connect: () => Promise.reject(new Error('no')) };
  answer = () =>
    asked.at(-1)!.headers.authorization === 'Bearer 1'
      ? { status: 401, body: { kind: 'Status', status: 'Failure', code: 401 } }
      : { status: 101, open: target };
  const stream = await connectToPod(renewing, { namespace: 'ns', pod: 'p', port: 80 });
  await expect(stream.toArray()).rejects.toThrow('no');
  expect(asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer 1', 'Bearer 2']);
  renewing.close();
});

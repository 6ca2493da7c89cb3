/** Sessions over real connections, with a test as the process. */
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { SpdyTestClient } from '../../../kube/streams/spdy/test-client.ts';
import { FakeSession } from '../../launcher/fake-session.ts';
import { upgrade } from '../http/upgrade.ts';
import type { StreamTarget, WantedStreams } from './stream-target.ts';

let server: Server;
let target: StreamTarget;
let process: FakeSession;
let begun: number;
const sockets: Duplex[] = [];

beforeEach(async () => {
  process = new FakeSession();
  begun = 0;
  server = createServer();
  server.on('upgrade', (...args) => sockets.push(args[1]));
  server.on(
    'upgrade',
    upgrade(async () => ({ status: 101, open: target })),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true));
const port = () => (server.address() as AddressInfo).port;

function command(streams: Partial<WantedStreams>, begin?: () => Promise<FakeSession>): void {
  target = {
    kind: 'command',
    streams: { stdin: false, stdout: false, stderr: false, tty: false, ...streams },
    begin: async () => {
      begun++;
      return begin ? await begin() : process;
    },
    failure: 'error executing command in container',
    describeExit: (code) => `error executing command [x], exit code ${code}`,
  };
}

async function spdy(version = 'v4.channel.k8s.io'): Promise<SpdyTestClient> {
  const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': version };
  const asked = request({ port: port(), method: 'POST', path: '/', headers });
  asked.end();
  const [, socket] = (await once(asked, 'upgrade')) as [unknown, Socket];
  sockets.push(socket);
  return new SpdyTestClient(socket);
}

interface Channels {
  messages: Buffer[];
  socket: WebSocket;
  text(channel: number): string;
  send(channel: number, text: string): void;
  close: Promise<unknown>;
}

async function webSocket(protocol: string): Promise<Channels> {
  const socket = new WebSocket(`ws://127.0.0.1:${port()}/`, protocol === '' ? [] : [protocol]);
  const messages: Buffer[] = [];
  socket.on('message', (message: Buffer) => messages.push(message));
  await once(socket, 'open');
  expect(socket.protocol).toBe(protocol);
  return {
    messages,
    socket,
    text: (channel) => {
      const own = messages.filter((message) => message[0] === channel);
      return Buffer.concat(own.map((message) => message.subarray(1))).toString();
    },
    send: (channel, text) => socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(text)])),
    close: once(socket, 'close'),
  };
}

const exitStatus = (message: string) => ({
  metadata: {},
  status: 'Failure',
  message: `command terminated with non-zero exit code: ${message}`,
  reason: 'NonZeroExitCode',
  details: { causes: [{ reason: 'ExitCode', message: '3' }] },
});

describe('a command over SPDY', () => {
  test('begins when every stream is there, and tells its end', async () => {
    command({ stdin: true, stdout: true, stderr: true });
    const client = await spdy();
    const [error, stdin, stdout] = ['error', 'stdin', 'stdout'].map((streamtype) =>
      client.open({ streamtype }),
    );
    await until(() => client.has('syn-reply', { streamId: stdout! }));
    expect(begun).toBe(0);
    const stderr = client.open({ streamtype: 'stderr' });
    client.write(stdin!, 'typed', true);
    expect((await process.stdin.toArray()).join('')).toBe('typed');
    process.stdout.write('out');
    process.stderr.write('err');
    process.exit(3);
    await until(() => client.has('goaway'));
    expect([client.text(stdout!), client.text(stderr)]).toEqual(['out', 'err']);
    expect(JSON.parse(client.text(error!))).toEqual(exitStatus('error executing command [x], exit code 3'));
    for (const streamId of [error!, stdout!, stderr])
      expect(client.has('data', { streamId, fin: true })).toBe(true);
  });

  test('has a terminal that is resized', async () => {
    command({ stdout: true, stderr: true, tty: true });
    const client = await spdy('v3.channel.k8s.io');
    client.open({ streamtype: 'error' });
    client.open({ streamtype: 'stdout' });
    const resize = client.open({ streamtype: 'resize' });
    client.write(resize, '{"Width":80,"Height":24}\n{"Width":0,"Height":0}\n{"Width":9');
    client.write(resize, '0,"Height":30}\n');
    await until(() => process.sizes.length === 2);
    expect(process.sizes).toEqual([
      { columns: 80, rows: 24 },
      { columns: 90, rows: 30 },
    ]);
  });

  test('tells success in version 4, and nothing of it before', async () => {
    for (const [version, said] of [
      ['v4.channel.k8s.io', '{"metadata":{},"status":"Success"}'],
      ['v2.channel.k8s.io', ''],
    ] as const) {
      process = new FakeSession();
      command({ stdout: true });
      const client = await spdy(version);
      const error = client.open({ streamtype: 'error' });
      client.open({ streamtype: 'stdout' });
      process.exit(0);
      await until(() => client.has('goaway'));
      expect(client.text(error)).toBe(said);
    }
  });

  test('that cannot be run is an internal error', async () => {
    command({ stdout: true }, () => Promise.reject(new Error('no such file')));
    const client = await spdy();
    const error = client.open({ streamtype: 'error' });
    client.open({ streamtype: 'stdout' });
    await until(() => client.has('goaway'));
    expect(JSON.parse(client.text(error))).toEqual({
      metadata: {},
      status: 'Failure',
      message: 'Internal error occurred: error executing command in container: no such file',
      reason: 'InternalError',
      code: 500,
    });
  });

  test('is left when the client goes', async () => {
    command({ stdout: true });
    const client = await spdy();
    client.open({ streamtype: 'error' });
    client.open({ streamtype: 'stdout' });
    await until(() => begun === 1);
    client.transport.destroy();
    await until(() => process.isClosed);
  });

  test('has each of its streams once, and no others', async () => {
    command({ stdout: true });
    const client = await spdy();
    const [, second, other] = ['error', 'error', 'more'].map((streamtype) => client.open({ streamtype }));
    await until(() => client.has('rst-stream', { streamId: other! }));
    expect(client.has('rst-stream', { streamId: second! })).toBe(true);
    client.open({ streamtype: 'stdout' });
    await until(() => begun === 1);
  });

  test('goes on for who closes one output', async () => {
    command({ stdout: true });
    const client = await spdy();
    const error = client.open({ streamtype: 'error' });
    const stdout = client.open({ streamtype: 'stdout' });
    await until(() => begun === 1);
    client.send({ type: 'rst-stream', streamId: stdout, status: 5 });
    process.stdout.write(Buffer.alloc(1 << 20));
    process.exit(0);
    await until(() => client.text(error).includes('Success'));
  });
});

describe('a command over a WebSocket', () => {
  test('of version 5 ends its input by a signal, and closes with its status', async () => {
    command({ stdin: true, stdout: true, stderr: true });
    const client = await webSocket('v5.channel.k8s.io');
    client.send(0, 'typed');
    client.socket.send(Buffer.of(255, 0));
    expect((await process.stdin.toArray()).join('')).toBe('typed');
    client.send(4, '{"Width":80,"Height":24}');
    await until(() => process.sizes.length === 1);
    process.stdout.write('out');
    process.stderr.write('err');
    process.exit(3);
    const [code] = (await client.close) as [number];
    expect([client.text(1), client.text(2), code]).toEqual(['out', 'err', 1000]);
    expect(JSON.parse(client.text(3))).toEqual(exitStatus('command terminated with exit code 3'));
  });

  test('of no version has text alone for a status', async () => {
    command({ stdout: true });
    const client = await webSocket('');
    process.exit(3);
    await client.close;
    expect(client.text(3)).toBe(
      'command terminated with non-zero exit code: error executing command [x], exit code 3',
    );
  });

  test('is base64 where the client wants that', async () => {
    command({ stdin: true, stdout: true });
    const client = await webSocket('v4.base64.channel.k8s.io');
    client.socket.send('0aGkK');
    client.socket.send('0???');
    process.stdin.once('data', (data) => process.stdout.write(data));
    await until(() => client.text('1'.charCodeAt(0)) === 'aGkK');
  });

  test('says at once that it is there, on the first channel that it writes', async () => {
    command({ stderr: true });
    const client = await webSocket('v4.channel.k8s.io');
    await until(() => client.messages.length > 0);
    expect(client.messages[0]).toEqual(Buffer.of(2));
  });

  test('is left when the client pings and does not read', async () => {
    command({ stdin: true, stdout: true });
    const client = await webSocket('v5.channel.k8s.io');
    await until(() => begun === 1);
    client.socket.pause();
    const ping = () => {
      for (let i = 0; i < 1000 && client.socket.bufferedAmount < 1 << 20; i++)
        client.socket.ping(Buffer.alloc(100));
      expect(process.isClosed).toBe(true);
    };
    await vi.waitFor(ping, { interval: 1 });
  });

  test('is left when the client goes, or takes what is no signal for one', async () => {
    command({ stdout: true });
    const client = await webSocket('v5.channel.k8s.io');
    await until(() => begun === 1);
    client.socket.send(Buffer.of(255));
    await until(() => process.isClosed);
  });
});

/** Messages of a WebSocket, binary and short, written and read: `ws` as a client offers no such protocol's name. */
function tunnelIn(connection: Socket): Duplex {
  let bytes = Buffer.alloc(0);
  const tunnel = new Duplex({
    read() {},
    write(data: Buffer, _encoding, done) {
      connection.write(Buffer.concat([Buffer.of(0x82, 0x80 | data.length, 0, 0, 0, 0), data]), done);
    },
  });
  connection.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (let end = 2 + bytes[1]!; bytes.length >= end; end = 2 + bytes[1]!) {
      tunnel.push(bytes.subarray(2, end));
      bytes = bytes.subarray(end);
    }
  });
  return tunnel;
}

describe('ports', () => {
  let echo: Server | ReturnType<typeof createTcpServer>;
  beforeEach(async () => {
    echo = createTcpServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    const { connect } = await import('node:net');
    target = {
      kind: 'ports',
      ports: ['80', '81'],
      connect: async (asked) => {
        if (asked === 81) throw new Error('error forwarding port 81: connection refused');
        const socket = connect((echo.address() as AddressInfo).port, '127.0.0.1');
        await once(socket, 'connect');
        return socket;
      },
    };
  });
  afterEach(() => echo.close());

  const pair = (client: SpdyTestClient, to: string, requestid?: string) => {
    const more: Record<string, string> = requestid === undefined ? {} : { requestid };
    const error = client.open({ streamtype: 'error', port: to, ...more });
    client.end(error);
    return { error, data: client.open({ streamtype: 'data', port: to, ...more }) };
  };

  test('are forwarded over SPDY, several at a time, with half-closes', async () => {
    const client = await spdy('portforward.k8s.io');
    const [one, other] = [pair(client, '80', '0'), pair(client, '80', '1')];
    client.write(one.data, 'one', true);
    client.write(other.data, 'other', true);
    await until(() => [one, other].every(({ error }) => client.has('data', { streamId: error, fin: true })));
    expect([client.text(one.data), client.text(other.data), client.text(one.error)]).toEqual([
      'one',
      'other',
      '',
    ]);
  });

  test('are forwarded for old clients, which number no requests', async () => {
    const client = await spdy('portforward.k8s.io');
    const { data } = pair(client, '80');
    client.write(data, 'x');
    await until(() => client.text(data) === 'x');
  });

  test('that are given up before the pod is reached leave no connection', async () => {
    const reached = Promise.withResolvers<Duplex>();
    target = { kind: 'ports', ports: [], connect: () => reached.promise };
    const client = await spdy('portforward.k8s.io');
    const { data } = pair(client, '80', '0');
    client.send({ type: 'rst-stream', streamId: data, status: 5 });
    client.send({ type: 'ping', id: 1 });
    await until(() => client.has('ping', { id: 1 }));
    const connection = new PassThrough();
    reached.resolve(connection);
    await until(() => connection.destroyed);
  });

  test('that nobody listens on are told on the error stream', async () => {
    const client = await spdy('portforward.k8s.io');
    const { error, data } = pair(client, '81', '0');
    await until(() => client.has('rst-stream', { streamId: data }));
    await until(() => client.text(error) === 'error forwarding port 81: connection refused');
  });

  test.each<Record<string, string>>([
    { streamtype: 'data' },
    { streamtype: 'data', port: '0' },
    { streamtype: 'data', port: '65536' },
    { streamtype: 'stdin', port: '80' },
    { port: '80' },
  ])('a stream with the headers %j is reset', async (headers) => {
    const client = await spdy('portforward.k8s.io');
    const streamId = client.open(headers);
    await until(() => client.has('rst-stream', { streamId }));
  });

  test('are forwarded through a WebSocket tunnel', async () => {
    const raw = request({
      port: port(),
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-protocol': 'SPDY/3.1+portforward.k8s.io',
      },
    });
    raw.end();
    const [response, connection] = (await once(raw, 'upgrade')) as [{ headers: object }, Socket];
    sockets.push(connection);
    expect(response.headers).toMatchObject({ 'sec-websocket-protocol': 'SPDY/3.1+portforward.k8s.io' });
    const client = new SpdyTestClient(tunnelIn(connection));
    const { data } = pair(client, '80', '0');
    client.write(data, 'through');
    await until(() => client.text(data) === 'through');
  });

  test('are forwarded by a WebSocket’s channels, two for each, which begin with the port', async () => {
    const client = await webSocket('v4.channel.k8s.io');
    await until(() => client.text(1) === 'P\0' && client.text(2) === 'Q\0');
    client.send(0, 'hello');
    await until(() => client.text(0) === 'P\0hello');
    await until(() => client.text(3) === 'Q\0error forwarding port 81: connection refused');
  });
});

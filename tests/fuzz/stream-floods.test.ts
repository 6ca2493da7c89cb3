/**
 * Clients that flood an upgraded connection: with streams half-closed and reset, frames that mean nothing, headers that
 * are a bomb, pings whose answers they do not read. Whatever they do, another client's command echoes on, every byte of
 * it, and in the end neither descriptors nor memory are taken.
 */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { headerDictionary } from '../../src/kube/streams/spdy/dictionary.ts';
import { SpdyTestClient } from '../../src/kube/streams/spdy/test-client.ts';
import type { StreamTarget } from '../../src/lab/apiserver/streams/stream-target.ts';
import {
  type StreamServer,
  spdyHeaders,
  streamServer,
  webSocketHeaders,
  webSocketMessage,
} from './support/stream-server.ts';

let server: StreamServer;
let pod: Server;
let command: StreamTarget;
let ports: StreamTarget;
const podSockets = new Set<Socket>();

beforeAll(async () => {
  server = await streamServer();
  command = server.target;
  pod = createServer({ allowHalfOpen: true }, (socket) => {
    podSockets.add(socket.on('error', () => {}).on('close', () => podSockets.delete(socket)));
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => pod.listen(0, '127.0.0.1', resolve));
  ports = {
    kind: 'ports',
    ports: [],
    connect: async (port) => {
      if (port === 81) throw new Error('refused');
      const socket = connect((pod.address() as AddressInfo).port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    },
  };
});
afterAll(() => {
  server.close();
  pod.close();
});

const until = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 10_000, interval: 5 });
const descriptors = () => readdirSync('/proc/self/fd').length;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
function heap(): number {
  collect();
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
}

/** Echoes lines with a command over SPDY until it is told to stop; says how many. */
async function canary(): Promise<() => Promise<number>> {
  server.target = command;
  const client = new SpdyTestClient(await server.connect(spdyHeaders('v4.channel.k8s.io')));
  client.open({ streamtype: 'error' });
  const stdin = client.open({ streamtype: 'stdin' });
  const stdout = client.open({ streamtype: 'stdout' });
  let isOver = false;
  const echoing = (async () => {
    let said = '';
    for (let i = 0; !isOver || i < 3; i++) {
      client.write(stdin, `line ${i}\n`);
      said += `line ${i}\n`;
      await until(() => client.text(stdout).length >= said.length);
    }
    expect(client.text(stdout)).toBe(said);
    client.transport.destroy();
    return said.split('\n').length - 1;
  })();
  return () => {
    isOver = true;
    return echoing;
  };
}

async function forwards(): Promise<SpdyTestClient> {
  server.target = ports;
  return new SpdyTestClient(await server.connect(spdyHeaders('portforward.k8s.io')));
}

/** What a client does with each of its pairs of streams, and when. */
function abuse(client: SpdyTestClient, i: number): void {
  const port = i % 7 === 3 ? '81' : '80';
  const error = client.open({ streamtype: 'error', port, requestid: `${i}` });
  if (i % 11 === 5) {
    client.send({ type: 'rst-stream', streamId: error, status: 5 });
    return;
  }
  const data = client.open({ streamtype: 'data', port, requestid: `${i}` });
  client.write(data, `some ${i}`);
  if (i % 3 === 0) client.end(data);
  if (i % 3 === 1) client.send({ type: 'rst-stream', streamId: data, status: 5 });
  if (i % 5 === 0) client.end(error);
  if (i % 13 === 0) client.send({ type: 'rst-stream', streamId: error, status: 5 });
}

const settings = Buffer.from('800300040000000400000000', 'hex');
const windowUpdate = Buffer.from('8003000900000008000000017fffffff', 'hex');
const ping = Buffer.from('800300060000000400000001', 'hex');

/** A stream whose headers take much more than their frame. */
function bomb(plainBytes: number): Buffer {
  const block = deflateSync(Buffer.alloc(plainBytes), { dictionary: headerDictionary });
  const head = Buffer.alloc(18);
  head.writeUInt32BE(0x80030001);
  head.writeUInt32BE(10 + block.length, 4);
  head.writeUInt32BE(1, 8);
  return Buffer.concat([head, block]);
}

const raw = (bytes: Buffer) => async () => {
  const client = await forwards();
  client.transport.write(bytes);
  client.send({ type: 'ping', id: 9 });
  await until(() => client.transport.destroyed || client.has('ping', { id: 9 }));
  client.transport.destroy();
};
const repeated = (frame: Buffer, count: number) => Buffer.alloc(frame.length * count, frame);

const floods: Record<string, () => Promise<void>> = {
  'streams opened, half-closed and reset': async () => {
    const client = await forwards();
    for (let i = 0; i < 300; i++) abuse(client, i);
    client.send({ type: 'ping', id: 9 });
    await until(() => client.has('ping', { id: 9 }));
    client.transport.destroy();
  },
  'streams given up at once, time and again': async () => {
    const client = await forwards();
    for (let i = 0; i < 3000; i++)
      client.send({ type: 'rst-stream', streamId: client.open({ streamtype: 'error', port: '80', requestid: `${i}` }), status: 5 }); // biome-ignore format: one line
    client.send({ type: 'ping', id: 9 });
    await until(() => client.has('ping', { id: 9 }));
    client.transport.destroy();
  },
  settings: raw(repeated(settings, 50_000)),
  'windows that overflow': raw(repeated(windowUpdate, 50_000)),
  pings: raw(repeated(ping, 20_000)),
  'a header bomb': raw(bomb(40 << 20)),
  'a control frame that is too long': raw(Buffer.from('80030001ffffffff', 'hex')),
  'data of no stream': raw(repeated(Buffer.from('000003e7000000044e6f6e65', 'hex'), 50_000)),
  'pings of a client that does not read': async () => {
    const client = await forwards();
    client.transport.pause();
    const pings = repeated(ping, 10_000);
    const send = () => client.transport.writableLength < 1 << 20 && client.transport.write(pings);
    await until(() => {
      for (let i = 0; i < 10; i++) send();
      return client.transport.destroyed;
    });
  },
  'pings in a WebSocket of a client that does not read': async () => {
    server.target = command;
    const socket = await server.connect(webSocketHeaders('v5.channel.k8s.io'));
    const pings = repeated(webSocketMessage(9, Buffer.alloc(100)), 10_000);
    await until(() => {
      for (let i = 0; i < 10 && socket.writableLength < 1 << 20; i++) socket.write(pings);
      return socket.destroyed;
    });
  },
};

beforeEach(async () => await server.nothingLeft());

test.each(Object.entries(floods))('%s', async (_, flood) => {
  await flood();
  await until(() => podSockets.size === 0);
  const before = { descriptors: descriptors(), heap: heap() };
  const stop = await canary();
  for (let round = 0; round < 5; round++) await flood();
  expect(await stop()).toBeGreaterThan(2);
  await server.nothingLeft();
  await until(() => podSockets.size === 0 && descriptors() <= before.descriptors);
  await until(() => heap() - before.heap < 8 << 20);
});

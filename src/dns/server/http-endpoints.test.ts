import { once } from 'node:events';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { silentLogger } from '../../util/logger.ts';
import { openAtFreePort } from '../../util/testing/free-port.ts';
import { createHttpEndpoints, tryAddress } from './http-endpoints.ts';
import { wildcardAddresses } from './wildcard.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const http = createHttpEndpoints(silentLogger);

async function open(address: string, path: string, respond: () => { status: number; body: string }) {
  const close = await http.open(address, path, respond);
  cleanups.push(close);
  return close;
}

test('answers its paths, each anew for each request', async () => {
  let status = 503;
  await open('127.0.0.1:0', '/ready', () => ({ status, body: 'kubernetes' }));
  await open('127.0.0.1:0', '/health', () => ({ status: 200, body: 'OK' }));
  const url = `http://127.0.0.1:${await http.portOf('127.0.0.1:0')}`;
  expect((await fetch(`${url}/ready`)).status).toBe(503);
  status = 200;
  expect((await fetch(`${url}/ready?now`)).status).toBe(200);
  expect(await (await fetch(`${url}/health`)).text()).toBe('OK');
  expect((await fetch(`${url}/other`)).status).toBe(404);
});

test('asks what it answers itself, over the network', async () => {
  let asked = 0;
  const close = await open(':0', '/health', () => ({ status: 200, body: `${asked++}` }));
  await http.ask(':0', '/health');
  await http.ask(':0', '/health');
  expect(asked).toBe(2);
  await close();
  await expect(http.ask(':0', '/health')).rejects.toThrow('nobody answers');
});

test('the latest of one path answers; the listener stays while anybody is left', async () => {
  const first = await open('127.0.0.1:0', '/health', () => ({ status: 200, body: 'first' }));
  const second = await open('127.0.0.1:0', '/health', () => ({ status: 200, body: 'second' }));
  const url = `http://127.0.0.1:${await http.portOf('127.0.0.1:0')}/health`;
  expect(await (await fetch(url)).text()).toBe('second');
  await first();
  expect(await (await fetch(url)).text()).toBe('second');
  await second();
  await expect(fetch(url)).rejects.toThrow();
});

test('a client that does not end its request keeps nobody from closing', async () => {
  const close = await open('127.0.0.1:0', '/health', () => ({ status: 200, body: 'OK' }));
  const port = (await http.portOf('127.0.0.1:0'))!;
  const socket = net.connect(port, '127.0.0.1').on('error', () => {});
  socket.write('GET /hea');
  // Behind it: the half of a request has been read.
  await http.ask('127.0.0.1:0', '/health');
  await close();
  socket.destroy();
});

test('clients that connect and say nothing are so many at the most', async () => {
  await open('127.0.0.1:0', '/health', () => ({ status: 200, body: 'OK' }));
  const port = (await http.portOf('127.0.0.1:0'))!;
  const sockets = Array.from({ length: 257 }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.race(sockets.map((socket) => once(socket, 'close')));
  expect(sockets.filter((socket) => !socket.destroyed)).toHaveLength(256);
});

test('a port that is taken is named with its purpose and what to do', async () => {
  const other = net.createServer();
  cleanups.push(() => new Promise((resolve) => other.close(resolve)));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', () => resolve()));
  const { port } = other.address() as net.AddressInfo;
  await expect(open(`127.0.0.1:${port}`, '/ready', () => ({ status: 200, body: '' }))).rejects.toMatchObject({
    code: 'LISTEN',
    message: `127.0.0.1 port ${port} cannot be listened on (HTTP for /ready)`,
    remedy: `Another process has it: find it with ss -lntup "sport = :${port}" and end it.`,
  });
});

test('an address without a host is every address of both families', async () => {
  const { port } = await openAtFreePort((port) =>
    open(`:${port}`, '/health', () => ({ status: 200, body: 'OK' })),
  );
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
  if ((await wildcardAddresses()).includes('::'))
    expect((await fetch(`http://[::1]:${port}/health`)).status).toBe(200);
});

test('every address of the machine: IPv4 alone where there is no IPv6, and the other way round', async () => {
  expect(await wildcardAddresses(async (address) => address === '0.0.0.0')).toEqual(['0.0.0.0']);
  expect(await wildcardAddresses(async (address) => address === '::')).toEqual(['::']);
  expect(await wildcardAddresses()).toContain('0.0.0.0');
});

test.each([
  [':8080', { host: '', port: 8080 }],
  ['localhost:9153', { host: 'localhost', port: 9153 }],
  ['[::1]:8080', { host: '::1', port: 8080 }],
  ['8080', undefined],
  ['::1:8080', undefined],
  ['a:70000', undefined],
])('the address %s', (text, expected) => {
  expect(tryAddress(text)).toEqual(expected);
});

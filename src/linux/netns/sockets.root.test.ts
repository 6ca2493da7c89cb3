import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseIp } from '../../net/ip.ts';
import { openRouteNetlink } from '../netlink/kernel-route-netlink.ts';
import { createNetns, deleteNetns, type NetnsHandle, openNetns } from './netns.ts';
import { bindUdp, connectTcp, listenTcp, localEndpoint } from './sockets.ts';

let directory: string;
let a: NetnsHandle;
let b: NetnsHandle;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-sockets-'));
  for (const name of ['a', 'b']) createNetns(join(directory, name));
  a = openNetns(join(directory, 'a'));
  b = openNetns(join(directory, 'b'));
});

afterEach(() => {
  a.close();
  b.close();
  for (const name of ['a', 'b']) deleteNetns(join(directory, name));
  rmSync(directory, { recursive: true });
});

async function serve(
  netns: NetnsHandle,
  options: { ip: string; v6only?: boolean },
): Promise<{ server: Server; port: number }> {
  const fd = listenTcp(netns, { ip: parseIp(options.ip), port: 0, v6only: options.v6only });
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen({ fd });
  await once(server, 'listening');
  return { server, port: localEndpoint(fd).port };
}

const openSockets = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;

describe.each(['127.0.0.1', '::1'])('sockets on %s of a namespace', (ip) => {
  test('TCP servers and clients are adopted, talk, and close their descriptors', async () => {
    const before = openSockets();
    const { server, port } = await serve(a, { ip });
    const socket = await connectTcp(a, { ip: parseIp(ip), port, timeoutMs: 10_000 });
    socket.write('hello');
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(data.toString()).toBe('hello');
    socket.end();
    await once(socket, 'close');
    server.close();
    await once(server, 'close');
    expect(openSockets()).toBe(before);
  });

  test('the same port of another namespace refuses', async () => {
    const { server, port } = await serve(a, { ip });
    await expect(connectTcp(b, { ip: parseIp(ip), port, timeoutMs: 10_000 })).rejects.toMatchObject({
      errnoName: 'ECONNREFUSED',
      message: expect.stringContaining(`:${port} in ${b.path}: ECONNREFUSED (connection refused)`),
    });
    server.close();
  });

  test('a port can be had once', async () => {
    const { server, port } = await serve(a, { ip });
    expect(() => listenTcp(a, { ip: parseIp(ip), port })).toThrow(
      expect.objectContaining({ errnoName: 'EADDRINUSE' }),
    );
    const other = listenTcp(b, { ip: parseIp(ip), port });
    expect(localEndpoint(other)).toEqual({ ip: parseIp(ip), port });
    server.close();
    createServer().listen({ fd: other }).close();
  });

  test('UDP sockets are adopted and answer', async () => {
    const type = ip.includes(':') ? 'udp6' : 'udp4';
    const sockets = [0, 0].map(() => {
      const fd = bindUdp(a, { ip: parseIp(ip), port: 0 });
      return { socket: createSocket(type), fd, port: localEndpoint(fd).port };
    });
    for (const { socket, fd } of sockets) socket.bind({ fd });
    const [server, client] = sockets as [(typeof sockets)[0], (typeof sockets)[0]];
    server.socket.on('message', (message, from) =>
      server.socket.send(`echo ${message}`, from.port, from.address),
    );
    client.socket.send('hello', server.port, ip);
    const [answer] = (await once(client.socket, 'message')) as [Buffer];
    expect(answer.toString()).toBe('echo hello');
    for (const { socket } of sockets) socket.close();
  });
});

test('an IPv6 socket takes IPv4 too, unless it must not', async () => {
  const both = await serve(a, { ip: '::' });
  const socket = await connectTcp(a, { ip: parseIp('127.0.0.1'), port: both.port, timeoutMs: 10_000 });
  socket.destroy();
  both.server.close();
  const only = await serve(a, { ip: '::', v6only: true });
  await expect(
    connectTcp(a, { ip: parseIp('127.0.0.1'), port: only.port, timeoutMs: 10_000 }),
  ).rejects.toMatchObject({
    errnoName: 'ECONNREFUSED',
  });
  only.server.close();
});

test('what nobody answers times out, or is cancelled; what has no route says so', async () => {
  using netlink = openRouteNetlink(a);
  const link = netlink.addLink({ kind: 'veth', name: 'x', up: true, peer: { name: 'y', up: true } });
  netlink.ensureAddress({ link: link.index, ip: parseIp('10.0.0.1'), prefix: 24 });
  const nobody = { ip: parseIp('10.0.0.2'), port: 80 };
  const before = openSockets();
  await expect(connectTcp(a, { ...nobody, timeoutMs: 20 })).rejects.toMatchObject({ errnoName: 'ETIMEDOUT' });
  const abort = new AbortController();
  const pending = connectTcp(a, { ...nobody, timeoutMs: 10_000, signal: abort.signal });
  abort.abort();
  await expect(pending).rejects.toMatchObject({ code: 'CANCELLED' });
  await expect(connectTcp(b, { ...nobody, timeoutMs: 10_000 })).rejects.toMatchObject({
    errnoName: 'ENETUNREACH',
  });
  expect(openSockets()).toBe(before);
});

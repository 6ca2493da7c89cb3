import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatIp, parseIp } from '../../net/ip.ts';
import { createNetns, deleteNetns, type NetnsHandle, openNetns } from '../netns/netns.ts';
import { bindUdp, connectTcp, listenTcp, localEndpoint } from '../netns/sockets.ts';
import { SockDiag, socketStates } from './sock-diag.ts';

let directory: string;
let netns: NetnsHandle;
let diag: SockDiag;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-diag-'));
  createNetns(join(directory, 'a'));
  netns = openNetns(join(directory, 'a'));
  diag = new SockDiag(netns);
});

afterEach(() => {
  diag[Symbol.dispose]();
  netns.close();
  deleteNetns(join(directory, 'a'));
  rmSync(directory, { recursive: true });
});

async function connection(ip: string): Promise<{ server: Server; port: number; client: Socket }> {
  const fd = listenTcp(netns, { ip: parseIp(ip), port: 0 });
  const { port } = localEndpoint(fd);
  const server = createServer((socket) => socket.on('error', () => {})).listen({ fd });
  await once(server, 'listening');
  const client = await connectTcp(netns, { ip: parseIp(ip), port, timeoutMs: 20_000 });
  client.resume();
  return { server, port, client };
}

describe.each(['127.0.0.1', '::1'])('%s', (ip) => {
  test('a connection is listed with its ends, and its process sees that it was ended', async () => {
    const { server, port, client } = await connection(ip);
    const failed = once(client, 'error');
    const [entry, ...others] = diag
      .list('TCP', 1 << socketStates.ESTABLISHED)
      .filter(({ remote }) => remote.port === port);
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ protocol: 'TCP', state: socketStates.ESTABLISHED });
    expect(formatIp(entry!.remote.ip)).toBe(ip);
    expect(diag.destroy(entry!)).toBe(true);
    expect(await failed).toMatchObject([{ code: 'ECONNABORTED' }]);
    expect(diag.destroy(entry!)).toBe(false);
    client.destroy();
    server.close();
  });

  test('a datagram socket is listed and ended', async () => {
    const socket = createSocket(ip === '::1' ? 'udp6' : 'udp4');
    const fd = bindUdp(netns, { ip: parseIp(ip), port: 0 });
    const { port } = localEndpoint(fd);
    socket.bind({ fd });
    const entries = diag.list('UDP').filter(({ local }) => local.port === port);
    expect(entries.map(({ local }) => formatIp(local.ip))).toEqual([ip]);
    expect(diag.destroy(entries[0]!)).toBe(true);
    expect(diag.list('UDP').filter(({ local }) => local.port === port)).toEqual([]);
    socket.close();
  });
});

test('other namespaces’ sockets are not seen', () => {
  expect([...diag.list('TCP'), ...diag.list('UDP')]).toEqual([]);
});

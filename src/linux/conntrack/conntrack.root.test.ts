import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { formatIp, parseIp } from '../../net/ip.ts';
import { createNetns, deleteNetns, type NetnsHandle, openNetns } from '../netns/netns.ts';
import { connectTcp, listenTcp, localEndpoint } from '../netns/sockets.ts';
import { nftProgram } from '../nftables/nft-program.ts';
import { translatedConnections } from './conntrack.ts';

let directory: string;
let netns: NetnsHandle;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-conntrack-'));
  createNetns(join(directory, 'a'));
  netns = openNetns(join(directory, 'a'));
});

afterEach(() => {
  netns.close();
  deleteNetns(join(directory, 'a'));
  rmSync(directory, { recursive: true });
});

test.each(['127.0.0.1', '::1'])(
  'a connection to %s that nftables sent elsewhere is listed, another is not',
  async (ip) => {
    const fd = listenTcp(netns, { ip: parseIp(ip), port: 0 });
    const { port } = localEndpoint(fd);
    const server = createServer((socket) => socket.on('error', () => {})).listen({ fd });
    await once(server, 'listening');
    await nftProgram.apply(
      netns,
      `table inet t { chain output { type nat hook output priority -100; tcp dport 7 redirect to :${port}; }; }`,
    );
    expect(await translatedConnections(netns)).toEqual([]);
    const clients = [];
    for (const to of [7, port])
      clients.push(await connectTcp(netns, { ip: parseIp(ip), port: to, timeoutMs: 20_000 }));
    const [{ original, reply } = {}, ...others] = await translatedConnections(netns);
    expect(others).toEqual([]);
    expect(original).toMatchObject({ protocol: 6, destinationPort: 7 });
    expect(reply).toMatchObject({ sourcePort: port, destinationPort: original!.sourcePort });
    expect([original!.destination, reply!.source].map(formatIp)).toEqual([ip, ip]);
    for (const client of clients) client.destroy();
    server.close();
  },
);

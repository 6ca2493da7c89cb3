import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseIp } from '../../net/ip.ts';
import { openRouteNetlink } from '../netlink/kernel-route-netlink.ts';
import { createNetns, deleteNetns, type NetnsHandle, openNetns, withNetns } from '../netns/netns.ts';
import { decodeSocketAddress } from '../netns/socket-address.ts';
import { BatchedSocket } from './batched-socket.ts';
import { pathTo } from './message-array.ts';

let directory: string;
let netns: NetnsHandle;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-batched-'));
  createNetns(join(directory, 'a'));
  netns = openNetns(join(directory, 'a'));
});

afterEach(() => {
  netns.close();
  deleteNetns(join(directory, 'a'));
  rmSync(directory, { recursive: true });
});

test.each([
  ['0.0.0.0', ['10.0.0.1', '10.0.0.2']],
  ['::', ['fd00::1', 'fd00::2']],
] as const)('of a machine with several addresses, the one asked at %s answers', (any, addresses) => {
  using netlink = openRouteNetlink(netns);
  const link = netlink.links().find(({ name }) => name === 'lo')!;
  netlink.setLink(link.index, { up: true });
  const prefix = any === '::' ? 128 : 32;
  for (const address of addresses)
    netlink.ensureAddress({ link: link.index, ip: parseIp(address), prefix, noDad: true });
  const open = (address: string) =>
    withNetns(netns, () => new BatchedSocket({ ip: parseIp(address), port: 0, v6only: true }, () => {}));
  using server = open(any);
  using client = open(addresses[0]);
  for (const address of addresses) {
    const ip = parseIp(address);
    client.send(Buffer.from('?'), pathTo({ ip, port: server.port }));
    client.flush();
    expect(server.receive()).toBe(1);
    server.send(server.bytesOf(0), server.pathOf(0));
    server.flush();
    expect(client.receive()).toBe(1);
    expect(decodeSocketAddress(client.pathOf(0).slice(0, 28))).toEqual({ ip, port: server.port });
  }
});

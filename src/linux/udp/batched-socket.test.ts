import { expect, test } from 'vitest';
import { parseIp } from '../../net/ip.ts';
import { errno, type KernelError } from '../errno.ts';
import { BatchedSocket, batchSize } from './batched-socket.ts';
import { pathTo } from './message-array.ts';

const noLoss = (error: KernelError): void => {
  throw error;
};

function socketAt(address: string, onLost = noLoss): BatchedSocket {
  return new BatchedSocket({ ip: parseIp(address), port: 0 }, onLost);
}

test.each(['127.0.0.1', '::1'])('datagrams at %s come as they were sent, up to a batch a call', (address) => {
  using one = socketAt(address);
  using other = socketAt(address);
  const path = pathTo({ ip: parseIp(address), port: other.port });
  for (let i = 0; i < batchSize + 1; i++) one.send(Buffer.alloc(i, i), path);
  one.flush();
  expect(other.receive()).toBe(batchSize);
  for (let i = 0; i < batchSize; i++) expect(Buffer.from(other.bytesOf(i))).toEqual(Buffer.alloc(i, i));
  other.send(Buffer.from('back'), other.pathOf(0));
  expect(other.receive()).toBe(1);
  expect(other.receive()).toBe(0);
  other.flush();
  expect(one.receive()).toBe(1);
  expect(Buffer.from(one.bytesOf(0)).toString()).toBe('back');
});

test('one that cannot be sent is told and lost alone', () => {
  const lost: number[] = [];
  using one = socketAt('127.0.0.1', (error) => lost.push(error.errno));
  using other = socketAt('127.0.0.1');
  const good = pathTo({ ip: parseIp('127.0.0.1'), port: other.port });
  // Without SO_BROADCAST.
  const bad = pathTo({ ip: parseIp('255.255.255.255'), port: 53 });
  for (const path of [good, bad, good, bad, bad, good]) one.send(Buffer.from('x'), path);
  one.flush();
  expect(lost).toHaveLength(3);
  expect(other.receive()).toBe(3);
});

test('a datagram that is too long to send is told and lost alone', () => {
  const lost: number[] = [];
  using one = socketAt('127.0.0.1', (error) => lost.push(error.errno));
  using other = socketAt('127.0.0.1');
  const path = pathTo({ ip: parseIp('127.0.0.1'), port: other.port });
  for (const size of [1, 5000, 2]) one.send(Buffer.alloc(size), path);
  one.flush();
  expect(lost).toEqual([errno.EMSGSIZE]);
  expect(other.receive()).toBe(2);
});

test('an address that is not there, and a port that is taken, are errors of the kernel', () => {
  using one = socketAt('127.0.0.1');
  const at = (address: string, port: number) => () =>
    new BatchedSocket({ ip: parseIp(address), port }, noLoss);
  expect(at('127.0.0.1', one.port)).toThrow(expect.objectContaining({ errno: errno.EADDRINUSE }));
  expect(at('192.0.2.1', 0)).toThrow(expect.objectContaining({ errno: errno.EADDRNOTAVAIL }));
});

const lanes = 4;

/** Which lane receives what each of some addresses sends. */
function lanesOf(server: BatchedSocket, at: string, sources: readonly string[]): Map<string, number> {
  const path = pathTo({ ip: parseIp(at), port: server.port });
  for (const source of sources) {
    using client = socketAt(source);
    client.send(Buffer.from(source), path);
    client.flush();
  }
  const found = new Map<string, number>();
  for (let lane = 0; lane < server.laneCount; lane++)
    for (let i = server.receive(lane) - 1; i >= 0; i--)
      found.set(Buffer.from(server.bytesOf(i)).toString(), lane);
  return found;
}

test('senders are spread over lanes by their address; those named slow are in the last', () => {
  const at = '127.0.0.1';
  using server = new BatchedSocket({ ip: parseIp(at), port: 0, lanes }, noLoss);
  expect(server.laneCount).toBe(lanes + 1);
  const sources = Array.from({ length: 60 }, (_, i) => `127.0.${i}.2`);
  const spread = lanesOf(server, at, sources);
  expect(new Set(spread.values())).toEqual(new Set([0, 1, 2, 3]));
  const slow = ['127.0.3.2', '127.0.59.2'];
  server.slowDown(['192.0.2.1', ...slow, '2001:db8::1'].map(parseIp));
  const slowed = lanesOf(server, at, sources);
  for (const source of sources)
    expect(slowed.get(source)).toBe(slow.includes(source) ? lanes : spread.get(source));
  server.slowDown([]);
  expect(lanesOf(server, at, sources)).toEqual(spread);
});

test('an IPv6 source is slow by its whole address', () => {
  using server = new BatchedSocket({ ip: parseIp('::1'), port: 0, lanes }, noLoss);
  const lane = () => lanesOf(server, '::1', ['::1']).get('::1')!;
  expect(lane()).toBeLessThan(lanes);
  server.slowDown(['::2', '1::1', '0:1::1', '0:0:1::1'].map(parseIp));
  expect(lane()).toBeLessThan(lanes);
  server.slowDown(['::2', '::1', '1::1'].map(parseIp));
  expect(lane()).toBe(lanes);
  server.slowDown(Array.from({ length: 100 }, (_, i) => parseIp(`1::${i + 1}`)));
  expect(lane()).toBeLessThan(lanes);
});

test('lanes are of one socket: its port is nobody else’s, and each has room of its own', () => {
  using server = new BatchedSocket({ ip: parseIp('127.0.0.1'), port: 0, lanes }, noLoss);
  const again = () => new BatchedSocket({ ip: parseIp('127.0.0.1'), port: server.port, lanes }, noLoss);
  expect(again).toThrow(expect.objectContaining({ errno: errno.EADDRINUSE }));
  using flood = socketAt('127.0.0.2');
  using good = socketAt('127.0.0.3');
  const path = pathTo({ ip: parseIp('127.0.0.1'), port: server.port });
  server.slowDown([parseIp('127.0.0.2')]);
  for (let i = 0; i < 20_000; i++) flood.send(Buffer.alloc(100), path);
  flood.flush();
  good.send(Buffer.from('good'), path);
  good.flush();
  const heard = Array.from({ length: lanes }, (_, lane) => server.receive(lane));
  expect(heard.reduce((sum, count) => sum + count)).toBe(1);
});

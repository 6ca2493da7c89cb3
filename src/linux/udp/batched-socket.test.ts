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

test.each([
  ['127.0.0.1', '127.0.0.2', '127.0.0.3'],
  ['127.0.0.1', '127.0.0.3', '127.0.0.2'],
])(
  'what comes from %s’s dropped sources is not received, until they are no longer dropped',
  (at, dropped, other) => {
    using server = socketAt(at);
    using shut = socketAt(dropped);
    using free = socketAt(other);
    const path = pathTo({ ip: parseIp(at), port: server.port });
    const receivedOf = () => {
      for (const client of [shut, free]) {
        client.send(Buffer.from(client === shut ? 'shut' : 'free'), path);
        client.flush();
      }
      return Array.from({ length: server.receive() }, (_, i) => Buffer.from(server.bytesOf(i)).toString());
    };
    server.dropFrom([]);
    expect(receivedOf()).toEqual(['shut', 'free']);
    server.dropFrom(['192.0.2.1', dropped, '2001:db8::1'].map(parseIp));
    expect(receivedOf()).toEqual(['free']);
    server.dropFrom([dropped, other].map(parseIp));
    expect(receivedOf()).toEqual([]);
    server.dropFrom([]);
    expect(receivedOf()).toEqual(['shut', 'free']);
  },
);

test('an IPv6 source is dropped by its whole address', () => {
  using one = socketAt('::1');
  using other = socketAt('::1');
  const path = pathTo({ ip: parseIp('::1'), port: one.port });
  const receives = () => {
    other.send(Buffer.from('x'), path);
    other.flush();
    return one.receive();
  };
  one.dropFrom(['::2', '1::1', '0:1::1', '0:0:1::1'].map(parseIp));
  expect(receives()).toBe(1);
  one.dropFrom(['::2', '::1', '1::1'].map(parseIp));
  expect(receives()).toBe(0);
});

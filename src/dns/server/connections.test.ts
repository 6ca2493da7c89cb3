import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Connections } from './connections.ts';

class FakeSocket extends EventEmitter {
  destroyed = false;
  readonly localAddress = '10.0.0.10';
  readonly remoteAddress: string;
  readonly remotePort: number;

  constructor(remoteAddress: string, remotePort: number) {
    super();
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }

  destroy(): void {
    this.destroyed = true;
    queueMicrotask(() => this.emit('close'));
  }
}

let port = 1;
const from = (address: string) => new FakeSocket(address, port++) as unknown as Socket;
const closed = (sockets: readonly Socket[]) => sockets.map(({ destroyed }) => destroyed);

function admitted(connections: Connections, ...addresses: string[]): Socket[] {
  return addresses.map((address) => {
    const socket = from(address);
    expect(connections.admit(socket)).toBe(true);
    return socket;
  });
}

test('an address that has all its connections loses the one that has rested longest', () => {
  const connections = new Connections({ total: 10, perAddress: 2 });
  const [first, second, other] = admitted(connections, 'a', 'a', 'b');
  connections.query(first!)();
  admitted(connections, 'a');
  expect(closed([first!, second!, other!])).toEqual([false, true, false]);
});

test('with all connections taken, the one that has rested longest makes room, whosever it is', async () => {
  const connections = new Connections({ total: 2, perAddress: 2 });
  const [first, second] = admitted(connections, 'a', 'b');
  admitted(connections, 'c');
  await Promise.resolve();
  admitted(connections, 'c');
  expect(closed([first!, second!])).toEqual([true, true]);
});

test('one with a query under way is not closed: who comes is, until it is answered', () => {
  const connections = new Connections({ total: 1, perAddress: 1 });
  const [busy] = admitted(connections, 'a');
  const answered = connections.query(busy!);
  const early = ['a', 'b'].map(from);
  expect(early.map((socket) => connections.admit(socket))).toEqual([false, false]);
  expect(closed([busy!, ...early])).toEqual([false, true, true]);
  answered();
  admitted(connections, 'b');
  expect(busy!.destroyed).toBe(true);
});

test('one that has ended leaves its room', async () => {
  const connections = new Connections({ total: 1, perAddress: 1 });
  const [gone] = admitted(connections, 'a');
  connections.query(gone!);
  gone!.destroy();
  await Promise.resolve();
  admitted(connections, 'a');
});

test('addresses of one IPv6 network have a limit in common', () => {
  const connections = new Connections({ total: 10, perAddress: 2, perNetwork: 3 });
  const addresses = ['fd00::1', 'fd00::2', 'fd00::3', 'fd00:0:0:1::1'];
  const sockets = admitted(connections, ...addresses);
  admitted(connections, 'fd00::4', 'fd00:0:0:1::2');
  expect(closed(sockets)).toEqual([true, false, false, false]);
});

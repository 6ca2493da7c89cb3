import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { carry } from './carry.ts';

/** Takes what is written to it once that is allowed. */
function slowReader() {
  const read: string[] = [];
  const allowed = Promise.withResolvers<void>();
  const stream = new Duplex({
    read() {},
    write(data: Buffer, _encoding, done) {
      void allowed.promise.then(() => {
        read.push(data.toString());
        done();
      });
    },
  });
  return { stream, read, goOn: allowed.resolve };
}

test('what a side said before it closed arrives, however slowly the other reads', async () => {
  const server = createServer((socket) => void socket.end('all of it')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  // As most are made: a socket that closes with its peer.
  const far = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const near = slowReader();
  const open = new Set<Duplex>();
  carry(near.stream, far, open);
  await once(far, 'end');
  await delay(20);
  expect([near.stream.destroyed, near.read]).toEqual([false, []]);
  near.goOn();
  await once(near.stream, 'finish');
  expect(near.read).toEqual(['all of it']);
  near.stream.push(null);
  await once(far, 'close');
  expect(open.size).toBe(0);
  server.close();
});

import { afterEach, expect, test } from 'vitest';
import { BatchedSocket } from '../../linux/udp/batched-socket.ts';
import { pathTo } from '../../linux/udp/message-array.ts';
import { parseIp } from '../../net/ip.ts';
import { silentLogger } from '../../util/logger.ts';
import { listenBatchedUdp } from './batched-udp-listener.ts';
import type { Responder } from './responder.ts';
import type { Listener } from './udp-listener.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

function serve(answer: Responder, room?: number): Listener {
  const listener = listenBatchedUdp({ address: '127.0.0.1', port: 0, room }, answer, silentLogger);
  open.push(listener);
  return listener;
}

/** Sends before it returns: all is with the server's kernel before the server has its turn. */
function client(address: string, port: number) {
  const socket = new BatchedSocket({ ip: parseIp(address), port: 0 }, () => {});
  open.push(socket);
  const path = pathTo({ ip: parseIp('127.0.0.1'), port });
  const got: string[] = [];
  let enough = () => {};
  socket.onReadable(() => {
    const received = socket.receive();
    for (let i = 0; i < received; i++) got.push(Buffer.from(socket.bytesOf(i)).toString());
    enough();
  });
  return {
    send: (count: number) => {
      for (let i = 0; i < count; i++) socket.send(Buffer.from(`${i}`), path);
      socket.flush();
    },
    /** Resolves when so many answers have come, with them. */
    answers: (count: number) =>
      new Promise<string[]>((resolve) => {
        enough = () => {
          if (got.length >= count) resolve(got.splice(0));
        };
        enough();
      }),
  };
}

test('a flood from one address: another is answered in its turn, all of it', async () => {
  const asked: string[] = [];
  const { port } = serve((bytes, asker) => {
    asked.push(asker.client.address);
    return Buffer.from(bytes);
  });
  const flood = client('127.0.0.2', port);
  const good = client('127.0.0.3', port);
  flood.send(300);
  good.send(20);
  flood.send(50);
  expect(await good.answers(20)).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
  expect(asked.indexOf('127.0.0.3')).toBeLessThan(3);
  expect(asked.lastIndexOf('127.0.0.3')).toBeLessThan(41);
});

test('one that floods far beyond its share: another gets its answer each time', async () => {
  let ofFlood = 0;
  const { port } = serve((bytes, asker) => {
    if (asker.client.address === '127.0.0.2') ofFlood++;
    return Buffer.from(bytes);
  }, 32);
  const flood = client('127.0.0.2', port);
  const good = client('127.0.0.3', port);
  const [rounds, datagrams] = [60, 300];
  for (let round = 0; round < rounds; round++) {
    flood.send(datagrams);
    good.send(1);
    expect(await good.answers(1)).toEqual(['0']);
  }
  expect(ofFlood).toBeGreaterThan(rounds);
  expect(ofFlood).toBeLessThan((rounds * datagrams) / 2);
});

test('what comes by one system call and by many is answered whole', async () => {
  const { port } = serve((bytes) => Buffer.from(bytes));
  for (const count of [1, 63, 64, 65, 200]) {
    const one = client('127.0.0.2', port);
    one.send(count);
    expect(await one.answers(count)).toEqual(Array.from({ length: count }, (_, i) => `${i}`));
  }
});

test('answers that come later go to who asked, and none behind the end', async () => {
  const later: { address: string; reply(): void }[] = [];
  const asked = Promise.withResolvers<void>();
  const listener = serve(
    (bytes, { client: { address } }) =>
      new Promise((resolve) => {
        const reply = Buffer.from(bytes);
        later.push({ address, reply: () => resolve(reply) });
        if (later.length === 4) asked.resolve();
      }),
  );
  const [one, other] = [client('127.0.0.2', listener.port), client('127.0.0.3', listener.port)];
  one.send(1);
  other.send(3);
  await asked.promise;
  later.find(({ address }) => address === '127.0.0.2')!.reply();
  expect(await one.answers(1)).toEqual(['0']);
  await listener.close();
  for (const { reply } of later) reply();
});

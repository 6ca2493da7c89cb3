import net from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { silentLogger } from '../../util/logger.ts';
import { MetricRegistry } from '../../util/metrics.ts';
import { recordTypes } from '../message/constants.ts';
import { decodeMessage, encodeMessage, type Message, newQuery, replyTo } from '../message/message.ts';
import type { DnsPlugin } from '../plugin.ts';
import { keptLog } from '../testing/corefile.ts';
import { Connections } from './connections.ts';
import { type DnsServerOptions, startDnsServer } from './dns-server.ts';
import { serveStream } from './stream-connection.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function serve(plugin: DnsPlugin['serve'], options: Partial<DnsServerOptions> = {}): Promise<number> {
  const server = await startDnsServer({
    plugins: [{ name: 'test', serve: plugin }],
    logger: silentLogger,
    ...options,
    listen: [{ udp: { address: '127.0.0.1', port: 0 }, tcp: { address: '127.0.0.1', port: 0 } }],
  });
  open.push(server);
  return server.ports[0]!.tcp;
}

function framed(message: Message): Buffer {
  const bytes = encodeMessage(message);
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes]);
}

const query = (id: number, name = `n${id}.example.org`) =>
  framed(newQuery(id, { name, type: recordTypes.A }));

/** The replies' ids until the server closes, or `count` of them are there. */
function replyIds(socket: net.Socket, count = Number.POSITIVE_INFINITY): Promise<number[]> {
  return new Promise((resolve) => {
    const ids: number[] = [];
    let pending: Buffer = Buffer.alloc(0);
    const done = () => resolve(ids);
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const end = 2 + pending.readUInt16BE(0);
        ids.push(decodeMessage(pending.subarray(2, end)).id);
        pending = pending.subarray(end);
      }
      if (ids.length >= count) done();
    });
    socket.on('close', done).on('error', () => {});
  });
}

test('a zone transfer is several messages of one id, sent as the client reads them', async () => {
  const text = { type: recordTypes.TXT, strings: Array.from({ length: 4 }, () => new Uint8Array(250)) };
  const answers = Array.from({ length: 3000 }, (_, ttl) => ({ name: 'a.org', class: 1, ttl, data: text }));
  const port = await serve(
    ({ message, type }) => replyTo(message, type === recordTypes.AXFR ? { answers } : {}),
    { transfers: true },
  );
  const socket = net.connect(port, '127.0.0.1');
  const received: Message[] = [];
  const messages = new Promise<void>((resolve) => {
    let pending: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        received.push(decodeMessage(pending.subarray(2, 2 + pending.readUInt16BE(0))));
        pending = pending.subarray(2 + pending.readUInt16BE(0));
      }
      if (received.flatMap((one) => one.answers).length === 3000) resolve();
    });
  });
  socket.write(framed(newQuery(7, { name: 'a.org', type: recordTypes.AXFR })));
  await messages;
  expect(received.flatMap((one) => one.answers).map(({ ttl }) => ttl)).toEqual(answers.map(({ ttl }) => ttl));
  expect(new Set(received.map(({ id }) => id))).toEqual(new Set([7]));
  expect(received.length).toBe(50);
  socket.end(query(8));
  expect(await replyIds(socket)).toEqual([8]);
});

/** Records of a zone that is too large for what the kernel keeps of a connection whose client does not read. */
const largeZone = Array.from({ length: 40_000 }, (_, ttl) => ({
  ...{ name: 'a.org', class: 1, ttl },
  data: { type: recordTypes.TXT, strings: Array.from({ length: 4 }, () => new Uint8Array(250)) },
}));
const axfr = (id: number) => framed(newQuery(id, { name: 'a.org', type: recordTypes.AXFR }));

/** Counts the transfers that were begun. */
async function serveLargeZone(): Promise<{ port: number; asked: number }> {
  const zone = { port: 0, asked: 0 };
  zone.port = await serve(
    ({ message, type }) => {
      if (type !== recordTypes.AXFR) return replyTo(message);
      zone.asked++;
      return replyTo(message, { answers: largeZone });
    },
    { transfers: true },
  );
  return zone;
}

test('a client that asks for a zone again and again has one transfer at a time', async () => {
  const zone = await serveLargeZone();
  const socket = net.connect(zone.port, '127.0.0.1').pause();
  socket.write(Buffer.concat(Array.from({ length: 100 }, (_, id) => axfr(id))));
  await expect.poll(() => zone.asked).toBe(1);
  const other = net.connect(zone.port, '127.0.0.1');
  other.end(query(7));
  expect(await replyIds(other)).toEqual([7]);
  expect(zone.asked).toBe(1);
  socket.destroy();
});

test('a few clients are sent a zone at once; the others wait until one has it or has gone', async () => {
  const zone = await serveLargeZone();
  const clients = Array.from({ length: 6 }, () => net.connect(zone.port, '127.0.0.1').pause());
  for (const client of clients) client.write(axfr(1));
  await expect.poll(() => zone.asked).toBe(4);
  const other = net.connect(zone.port, '127.0.0.1');
  other.end(query(7));
  expect(await replyIds(other)).toEqual([7]);
  clients[0]!.resetAndDestroy();
  await expect.poll(() => zone.asked).toBe(5);
  clients[1]!.resetAndDestroy();
  await expect.poll(() => zone.asked).toBe(6);
  for (const client of clients) client.destroy();
});

test('records that no message can have are left out of a transfer, counted and told', async () => {
  // As the API server takes it for an ExternalName: labels have no limit of their own there.
  const targets = ['www.example.com', `${'x'.repeat(64)}.example.com`, 'ftp.example.com'];
  const answers = targets.map((target) => ({
    ...{ name: 'a.org', class: 1, ttl: 1 },
    data: { type: recordTypes.CNAME, target },
  }));
  const metrics = new MetricRegistry();
  const { lines, logger } = keptLog();
  const port = await serve(({ message }) => replyTo(message, { answers }), {
    ...{ transfers: true, metrics, logger },
  });
  const socket = net.connect(port, '127.0.0.1');
  const reply = new Promise<Message>((resolve) => {
    socket.once('data', (bytes: Buffer) => resolve(decodeMessage(bytes.subarray(2))));
  });
  socket.end(axfr(7));
  expect((await reply).answers.map(({ data }) => 'target' in data && data.target)).toEqual([
    'www.example.com',
    'ftp.example.com',
  ]);
  expect(metrics.render()).toContain('tendril_dns_transfer_records_left_out_total 1');
  expect(lines).toEqual(['warn records of a zone cannot be transferred: a label of their names is too long']);
});

test('AXFR is refused where no plugin knows zone transfers', async () => {
  const port = await serve(({ message }) => replyTo(message));
  const socket = net.connect(port, '127.0.0.1');
  const reply = new Promise<Message>((resolve) => {
    socket.once('data', (bytes: Buffer) => resolve(decodeMessage(bytes.subarray(2))));
  });
  socket.end(framed(newQuery(7, { name: 'a.org', type: recordTypes.AXFR })));
  expect((await reply).rcode).toBe(5);
});

test('answers come as they are ready, not in the order of the queries', async () => {
  const slow = Promise.withResolvers<void>();
  const port = await serve(async ({ message, name }) => {
    if (name === 'n1.example.org') await slow.promise;
    else slow.resolve();
    return replyTo(message);
  });
  const socket = net.connect(port, '127.0.0.1');
  socket.write(Buffer.concat([query(1), query(2)]));
  expect(await replyIds(socket, 2)).toEqual([2, 1]);
  socket.destroy();
});

test('queries that come byte by byte are put together', async () => {
  const port = await serve(({ message }) => replyTo(message));
  const socket = net.connect(port, '127.0.0.1').setNoDelay(true);
  for (const byte of query(7)) socket.write(Buffer.of(byte));
  expect(await replyIds(socket, 1)).toEqual([7]);
  socket.destroy();
});

test('a client that ends its side gets all its answers, then the end', async () => {
  const port = await serve(async ({ message }) => replyTo(message));
  const socket = net.connect(port, '127.0.0.1');
  socket.end(Buffer.concat([query(1), query(2), query(3)]));
  expect((await replyIds(socket)).sort()).toEqual([1, 2, 3]);
});

test('a client that reads nothing has a bounded number of queries served', async () => {
  let served = 0;
  const name = 'x'.repeat(60);
  const data = { type: recordTypes.TXT, strings: Array.from({ length: 240 }, () => new Uint8Array(250)) };
  const port = await serve(({ message }) => {
    served++;
    return replyTo(message, { answers: [{ name, class: 1, ttl: 1, data }] });
  });
  const socket = net.connect(port, '127.0.0.1').pause();
  // 36 MB of replies: the kernel's buffers hold 10.
  const total = 600;
  socket.write(Buffer.concat(Array.from({ length: total }, (_, id) => query(id, name))));
  await expect.poll(() => served).toBeGreaterThan(3);
  // The server answers another client: what it had to do for the first is done.
  const other = net.connect(port, '127.0.0.1');
  other.write(query(1));
  expect(await replyIds(other, 1)).toEqual([1]);
  other.destroy();
  expect(served).toBeLessThan(total / 2);
  expect((await replyIds(socket.resume(), total)).length).toBe(total);
  socket.destroy();
});

test('a client that opens connection after connection loses its own, and the others are served', async () => {
  const port = await serve(({ message }) => replyTo(message), { limits: { total: 10, perAddress: 2 } });
  const good = net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
  good.write(query(1));
  expect(await replyIds(good, 1)).toEqual([1]);
  const greedy: net.Socket[] = [];
  const ended: Promise<number[]>[] = [];
  for (let id = 0; id < 5; id++) {
    const socket = net.connect(port, '127.0.0.1');
    socket.write(query(id));
    expect(await replyIds(socket, 1)).toEqual([id]);
    greedy.push(socket);
    ended.push(replyIds(socket));
  }
  await Promise.all(ended.slice(0, 3));
  good.write(query(2));
  expect(await replyIds(good, 1)).toEqual([2]);
  for (const socket of [good, ...greedy]) socket.destroy();
});

test('a message that does not end in its time ends the connection, however it trickles in', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const socket = new PassThrough() as unknown as net.Socket & PassThrough;
    Object.assign(socket, { setNoDelay: () => socket, setTimeout: () => socket });
    serveStream(socket, { transport: 'tcp', answer: () => Buffer.of(), connections: new Connections() });
    const bytes = query(1);
    for (const byte of bytes.subarray(0, 10)) {
      socket.emit('data', Buffer.of(byte));
      vi.advanceTimersByTime(900);
    }
    expect(socket.destroyed).toBe(false);
    vi.advanceTimersByTime(1000);
    expect(socket.destroyed).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});

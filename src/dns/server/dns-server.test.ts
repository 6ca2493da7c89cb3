import dgram from 'node:dgram';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { parseIp } from '../../net/ip.ts';
import { isError } from '../../util/errors.ts';
import { silentLogger } from '../../util/logger.ts';
import { recordTypes, responseCodes } from '../message/constants.ts';
import { decodeMessage, encodeMessage, type Message, newQuery, replyTo } from '../message/message.ts';
import type { DnsPlugin } from '../plugin.ts';
import { forwardPlugin } from '../plugins/forward/forward.ts';
import { type DnsServer, startDnsServer } from './dns-server.ts';

const open: DnsServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

/** Answers `count.N` with N addresses, `broken` with an exception, `unwritable` with a name that no message can have. */
const counting: DnsPlugin = {
  name: 'counting',
  serve: async (query, next) => {
    if (query.name === 'broken') throw new Error('no luck');
    if (query.name === 'unwritable') {
      const data = { type: recordTypes.CNAME, target: `${'l'.repeat(64)}.example` } as const;
      return replyTo(query.message, { answers: [{ name: query.name, class: 1, ttl: 1, data }] });
    }
    const count = /^count\.(\d+)$/.exec(query.name)?.[1];
    if (count === undefined) return next();
    const answers = Array.from({ length: Number(count) }, (_, i) => ({
      name: query.name,
      class: 1,
      ttl: 1,
      data: { type: recordTypes.A, ip: parseIp(`10.0.${i >> 8}.${i & 255}`) },
    }));
    return replyTo(query.message, { answers });
  },
};

async function serve(plugins: DnsPlugin[], address = '127.0.0.1') {
  const server = await startDnsServer({
    plugins,
    logger: silentLogger,
    listen: [{ udp: { address, port: 0 }, tcp: { address, port: 0 } }],
  });
  open.push(server);
  return server.ports[0]!;
}

function overUdp(bytes: Uint8Array, port: number, address = '127.0.0.1'): Promise<Message> {
  const socket = dgram.createSocket(net.isIPv4(address) ? 'udp4' : 'udp6');
  return new Promise((resolve) => {
    socket.on('message', (reply) => {
      socket.close();
      resolve(decodeMessage(reply));
    });
    socket.send(bytes, port, address);
  });
}

/** Sends all queries at once on one connection; replies by id. */
function overTcp(queries: Message[], port: number): Promise<Map<number, Message>> {
  return new Promise((resolve) => {
    const replies = new Map<number, Message>();
    const socket = net.connect(port, '127.0.0.1');
    let pending: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const reply = decodeMessage(pending.subarray(2, 2 + pending.readUInt16BE(0)));
        replies.set(reply.id, reply);
        pending = pending.subarray(2 + pending.readUInt16BE(0));
      }
      if (replies.size === queries.length) socket.destroy();
    });
    socket.on('close', () => resolve(replies));
    for (const query of queries) {
      const bytes = encodeMessage(query);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      socket.write(Buffer.concat([length, bytes]));
    }
  });
}

const query = (name: string, id = 1, fields: Partial<Message> = {}) =>
  newQuery(id, { name, type: recordTypes.A }, fields);
const edns = (udpBytes: number) => ({ edns: { udpBytes, version: 0, dnssecOk: false, options: [] } });

test.each(['127.0.0.1', '::1'])('answers on %s', async (address) => {
  const { udp } = await serve([counting], address);
  expect((await overUdp(encodeMessage(query('count.3')), udp, address)).answers).toHaveLength(3);
});

test('a client without EDNS gets 512 bytes and the truncated flag; with EDNS what it can take; over TCP all', async () => {
  const { udp, tcp } = await serve([counting]);
  const classic = await overUdp(encodeMessage(query('count.50')), udp);
  expect(classic.truncated).toBe(true);
  expect(classic.edns).toBeUndefined();
  const large = await overUdp(encodeMessage(query('count.50', 1, edns(4096))), udp);
  expect(large).toMatchObject({ truncated: false, edns: { udpBytes: 1232 } });
  expect(large.answers).toHaveLength(50);
  expect((await overTcp([query('count.400')], tcp)).get(1)!.answers).toHaveLength(400);
});

test('pipelined queries of one connection are all answered', async () => {
  const { tcp } = await serve([counting]);
  const replies = await overTcp(
    Array.from({ length: 300 }, (_, id) => query('count.1', id)),
    tcp,
  );
  expect(replies.size).toBe(300);
});

test.each<[string, Uint8Array, number]>([
  ['a plugin that fails', encodeMessage(query('broken')), responseCodes.SERVFAIL],
  ['a reply that cannot be made', encodeMessage(query('unwritable')), responseCodes.SERVFAIL],
  ['a name that no plugin answers', encodeMessage(query('elsewhere')), responseCodes.REFUSED],
  ['an update', encodeMessage(query('count.1', 1, { opcode: 5 })), responseCodes.NOTIMP],
  [
    'two questions',
    encodeMessage({ ...query('count.1'), questions: [...query('a').questions, ...query('b').questions] }),
    responseCodes.FORMERR,
  ],
  ['a message cut short', encodeMessage(query('count.1')).subarray(0, 15), responseCodes.FORMERR],
  [
    'a zone transfer',
    encodeMessage(newQuery(1, { name: 'zone', type: recordTypes.AXFR })),
    responseCodes.REFUSED,
  ],
  [
    'a later EDNS version',
    encodeMessage(query('count.1', 1, { edns: { ...edns(512).edns, version: 1 } })),
    responseCodes.BADVERS,
  ],
])('%s', async (_what, bytes, rcode) => {
  const { udp } = await serve([counting]);
  expect((await overUdp(bytes, udp)).rcode).toBe(rcode);
});

/** A server with one port for both transports, which is another's in one of them now and then. */
async function serveAtOnePort(): Promise<number> {
  const { tcp: port } = await serve([counting]);
  const listen = [{ udp: { address: '127.0.0.1', port }, tcp: { address: '127.0.0.2', port: 0 } }];
  try {
    open.push(await startDnsServer({ plugins: [counting], logger: silentLogger, listen }));
    return port;
  } catch (error) {
    if (!isError(error, 'LISTEN')) throw error;
    return await serveAtOnePort();
  }
}

test('forwarding: the answer comes back, a truncated one is fetched whole', async () => {
  const upstream = { address: '127.0.0.1', port: await serveAtOnePort() };
  const { tcp } = await serve([forwardPlugin({ upstreams: [upstream] })]);
  const replies = await overTcp([query('count.2', 1), query('count.300', 2)], tcp);
  expect(replies.get(1)!.answers).toHaveLength(2);
  expect(replies.get(2)!.answers).toHaveLength(300);
});

test('a server that is closed while it looks for an answer drops the answer', async () => {
  const asked = Promise.withResolvers<void>();
  const found = Promise.withResolvers<Message>();
  const slow: DnsPlugin = {
    name: 'slow',
    serve: () => {
      asked.resolve();
      return found.promise;
    },
  };
  const { udp } = await serve([slow]);
  const client = dgram.createSocket('udp4');
  client.send(encodeMessage(query('late')), udp, '127.0.0.1');
  await asked.promise;
  await open.pop()!.close();
  found.resolve(replyTo(query('late')));
  await found.promise;
  client.close();
});

test('closing ends connections', async () => {
  const { tcp } = await serve([counting]);
  const socket = net.connect(tcp, '127.0.0.1');
  const ended = new Promise((resolve) => socket.on('close', resolve).on('error', () => {}));
  await new Promise((resolve) => socket.on('connect', resolve));
  await open.pop()!.close();
  await ended;
});

test('a port that is taken is named with what to do, and nothing stays open', async () => {
  const { tcp } = await serve([counting]);
  const address = '127.0.0.1';
  const udpToo = await serve([counting]);
  const options = (udp: number) => ({
    plugins: [],
    logger: silentLogger,
    listen: [{ udp: { address, port: udp }, tcp: { address, port: tcp } }],
  });
  await expect(startDnsServer(options(0))).rejects.toMatchObject({
    code: 'LISTEN',
    message: `127.0.0.1 port ${tcp} cannot be listened on (TCP for DNS)`,
    remedy: expect.stringContaining(`sport = :${tcp}`),
  });
  await expect(startDnsServer(options(udpToo.udp))).rejects.toMatchObject({
    code: 'LISTEN',
    message: `127.0.0.1 port ${udpToo.udp} cannot be listened on (UDP for DNS)`,
  });
});

test('forwarding: a server that no query can be sent to is passed over, and told of where it is the only one', async () => {
  const port = await serveAtOnePort();
  // The kernel refuses to connect there: EACCES, as ENETUNREACH where there is no route.
  const unreachable = { address: '255.255.255.255', port: 53 };
  const { udp } = await serve([forwardPlugin({ upstreams: [unreachable, { address: '127.0.0.1', port }] })]);
  expect((await overUdp(encodeMessage(query('count.2')), udp)).answers).toHaveLength(2);
  const alone = forwardPlugin({ upstreams: [unreachable] });
  const asked = { name: 'a', type: 1, transport: 'udp', client: { address: '127.0.0.1', port: 1 } } as const;
  await expect(
    alone.serve({ ...asked, message: query('a') }, () => Promise.reject(new Error('unused'))),
  ).rejects.toMatchObject({
    code: 'DNS_UPSTREAM',
    message: 'the DNS server 255.255.255.255 port 53 does not answer',
    cause: { code: 'EACCES' },
    remedy: expect.stringContaining('resolv.conf'),
  });
});

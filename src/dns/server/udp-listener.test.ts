import dgram from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, test, vi } from 'vitest';
import { silentLogger } from '../../util/logger.ts';
import type { Responder } from './responder.ts';
import { type Listener, listenDgram, listenUdp } from './udp-listener.ts';

const open: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(open.splice(0).map((close) => close()));
});

/** Says what was asked, and by whom; `late …` later. */
const echo: Responder = (bytes, { client }) => {
  const text = Buffer.from(bytes).toString();
  const reply = Buffer.from(`${text} ${client.address}`);
  return text.startsWith('late') ? Promise.resolve(reply) : reply;
};

async function listening(listen: typeof listenUdp, address: string): Promise<Listener> {
  const listener = await listen({ address, port: 0, ipv6Only: address.includes(':') }, echo, silentLogger);
  open.push(() => listener.close());
  return listener;
}

function client(type: dgram.SocketType = 'udp4'): dgram.Socket {
  const socket = dgram.createSocket(type);
  open.push(() => socket.close());
  return socket;
}

async function ask(socket: dgram.Socket, text: string, port: number, address: string): Promise<string> {
  socket.send(text, port, address);
  const [bytes, from] = (await once(socket, 'message')) as [Buffer, dgram.RemoteInfo];
  return `${from.address}: ${bytes}`;
}

test.each([
  ['by batches', listenUdp],
  ['by a socket of Node', listenDgram],
])('%s: answers at once and later, in both families', async (_, listen) => {
  const v4 = await listening(listen, '127.0.0.1');
  const v6 = await listening(listen, '::1');
  const [four, six] = [client(), client('udp6')];
  expect(await ask(four, 'now', v4.port, '127.0.0.1')).toBe('127.0.0.1: now 127.0.0.1');
  expect(await ask(four, 'late', v4.port, '127.0.0.1')).toBe('127.0.0.1: late 127.0.0.1');
  expect(await ask(six, 'now', v6.port, '::1')).toBe('::1: now ::1');
  expect(await ask(six, 'late', v6.port, '::1')).toBe('::1: late ::1');
});

test('on all addresses, the answer leaves from the one that was asked', async () => {
  const { port } = await listening(listenUdp, '0.0.0.0');
  const socket = client();
  for (const address of ['127.0.0.1', '127.0.0.2', '127.99.0.3'])
    for (const text of ['now', 'late'])
      expect(await ask(socket, text, port, address)).toMatch(new RegExp(`^${address}: ${text} `));
  const v6 = await listening(listenUdp, '::');
  expect(await ask(client('udp6'), 'now', v6.port, '::1')).toBe('::1: now ::1');
});

test('a port that is taken is told, by batches too', async () => {
  const { port } = await listening(listenUdp, '127.0.0.1');
  await expect(listenUdp({ address: '127.0.0.1', port }, echo, silentLogger)).rejects.toMatchObject({
    code: 'LISTEN',
    remedy: expect.stringContaining('Another process has it'),
  });
});

/** Makes the server's replies go through `send`; the client of these tests sends without a callback. */
function interceptReplies(send: (reply: { socket: dgram.Socket; port: number }) => Error | undefined) {
  const { send: original } = dgram.Socket.prototype;
  vi.spyOn(dgram.Socket.prototype, 'send').mockImplementation(function (this: dgram.Socket, ...args) {
    const callback = args.at(-1);
    const error =
      typeof callback === 'function' ? send({ socket: this, port: args[1] as number }) : undefined;
    if (error) (callback as (error: Error) => void)(error);
    else Reflect.apply(original, this, args);
  });
}

test.each(['EPERM', 'EMSGSIZE', 'ENETUNREACH', 'EHOSTUNREACH', 'ENOBUFS'])(
  'a reply that a socket of Node cannot send (%s) is lost alone: the next client is answered',
  async (code) => {
    const { port } = await listening(listenDgram, '127.0.0.1');
    const failed = Promise.withResolvers<void>();
    let replies = 0;
    interceptReplies(() => {
      if (replies++ > 0) return undefined;
      failed.resolve();
      return Object.assign(new Error(`send ${code}`), { code });
    });
    client().send('now', port, '127.0.0.1');
    await failed.promise;
    expect(await ask(client(), 'now', port, '127.0.0.1')).toBe('127.0.0.1: now 127.0.0.1');
  },
);

test('a query from port 0, where no reply can go, is dropped by a socket of Node, and the next is answered', async () => {
  const { port } = await listening(listenDgram, '127.0.0.1');
  let server: dgram.Socket | undefined;
  const ports: number[] = [];
  interceptReplies((reply) => {
    server = reply.socket;
    ports.push(reply.port);
    return undefined;
  });
  await ask(client(), 'now', port, '127.0.0.1');
  server!.emit('message', Buffer.from('now'), { address: '127.0.0.1', port: 0 });
  await ask(client(), 'now', port, '127.0.0.1');
  expect(ports).toHaveLength(2);
  expect(ports).not.toContain(0);
});

import { type Duplex, duplexPair } from 'node:stream';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { SpdyConnection, type SpdyStream } from './connection.ts';
import { SpdyTestClient } from './test-client.ts';

let client: SpdyTestClient;
let transport: Duplex;
let connection: SpdyConnection;
let streams: SpdyStream[];
let isClosed: boolean;

beforeEach(() => {
  const [ours, theirs] = duplexPair({ highWaterMark: 4096 });
  transport = ours;
  streams = [];
  isClosed = false;
  connection = new SpdyConnection(ours, (stream) => {
    streams.push(stream);
    return stream.headers.get('refuse') === undefined;
  });
  void connection.closed.then(() => {
    isClosed = true;
  });
  client = new SpdyTestClient(theirs);
});

const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true));
const opened = async (headers = {}) => {
  const id = client.open(headers);
  await until(() => client.has('syn-reply', { streamId: id }));
  return { id, stream: streams.at(-1)! };
};

describe('a stream', () => {
  test('is answered, and passes bytes both ways', async () => {
    const { id, stream } = await opened({ streamtype: 'stdin' });
    expect(stream.headers.get('streamtype')).toBe('stdin');
    stream.pipe(stream);
    client.write(id, 'hello');
    await until(() => client.text(id) === 'hello');
  });

  test('is half-closed by either side', async () => {
    const { id, stream } = await opened();
    client.write(id, 'all', true);
    expect(await stream.toArray()).toEqual([Buffer.from('all')]);
    stream.end('answer');
    await until(() => client.has('data', { streamId: id, fin: true }));
    expect(client.text(id)).toBe('answer');
  });

  test('that nobody wants is reset', async () => {
    const id = client.open({ refuse: 'yes' });
    await until(() => client.has('rst-stream', { streamId: id, status: 5 }));
  });

  test('is closed when the client resets it, and told when this side does', async () => {
    const { id, stream } = await opened();
    client.send({ type: 'rst-stream', streamId: id, status: 5 });
    await until(() => stream.destroyed);
    expect(client.has('rst-stream')).toBe(false);
    const other = await opened();
    other.stream.destroy();
    await until(() => client.has('rst-stream', { streamId: other.id }));
  });

  test('must have a higher number than those before', async () => {
    await opened();
    client.open({}, 1);
    await until(() => client.has('rst-stream', { streamId: 1, status: 1 }));
    expect(streams).toHaveLength(1);
  });

  test('that is not read stops the client; once it is, others get theirs', async () => {
    const [slow, quick] = [await opened(), await opened()];
    for (let i = 0; i < 16; i++) client.write(slow.id, Buffer.alloc(1 << 16));
    client.write(quick.id, 'after');
    await until(() => transport.isPaused());
    expect(slow.stream.readableLength).toBeLessThan(1 << 20);
    slow.stream.resume();
    expect(String((await quick.stream.iterator().next()).value)).toBe('after');
  });

  test('of which data comes after its end is left alone', async () => {
    const { id } = await opened();
    client.end(id);
    client.write(id, 'more');
    client.write(99, 'nobody’s');
    client.send({ type: 'ping', id: 1 });
    await until(() => client.has('ping', { id: 1 }));
  });
});

describe('the connection', () => {
  test('answers pings of the client, not answers to its own', async () => {
    client.send({ type: 'ping', id: 2 });
    client.send({ type: 'ping', id: 3 });
    await until(() => client.has('ping', { id: 3 }));
    expect(client.has('ping', { id: 2 })).toBe(false);
  });

  test('is closed with its streams when the client takes leave', async () => {
    const { stream } = await opened();
    client.send({ type: 'goaway', lastStreamId: 0, status: 0 });
    await until(() => isClosed && stream.destroyed);
  });

  test('takes leave when it is closed here: streams first', async () => {
    const { id, stream } = await opened();
    stream.write('last');
    await until(() => client.text(id) === 'last');
    connection.close();
    await until(() => client.has('goaway', { lastStreamId: 1 }));
    expect(client.frames.map(({ type }) => type)).toEqual(['syn-reply', 'data', 'rst-stream', 'goaway']);
  });

  test('is closed by what is no frame', async () => {
    client.transport.write(Buffer.from('80ff000600000000', 'hex'));
    await until(() => isClosed && transport.destroyed);
  });

  test('refuses more streams than anybody needs', async () => {
    for (let i = 0; i < 1001; i++) client.open({});
    await until(() => client.has('rst-stream', { streamId: 2001, status: 3 }));
  });

  test('is cut when the client has its streams refused and does not read', async () => {
    client.transport.pause();
    client.transport.on('error', () => {});
    const refuse = { refuse: 'yes' };
    for (let i = 0; i < 5000; i++) client.open(refuse);
    await vi.waitFor(() => expect(transport.destroyed).toBe(true));
  });

  test('lasts while much is on its way to a client that opens more streams', async () => {
    const { stream } = await opened();
    client.transport.pause();
    stream.write(Buffer.alloc(4 << 20));
    client.open({});
    await until(() => streams.length === 2);
    client.transport.resume();
    await until(() => client.has('syn-reply', { streamId: 3 }));
    expect(transport.destroyed).toBe(false);
  });

  test('lets others have their turn between its frames, however many come at once', async () => {
    const ofNoStream = Buffer.from('000003e7000000044e6f6e65', 'hex');
    client.transport.write(Buffer.alloc(12 * 100_000, ofNoStream));
    client.send({ type: 'ping', id: 7 });
    let turns = 0;
    while (client.frames.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    expect(turns).toBeGreaterThan(3);
    expect(client.frames.at(-1)).toEqual({ type: 'ping', id: 7 });
  });

  test('is cut when the client asks and does not read', async () => {
    client.transport.pause();
    client.transport.on('error', () => {});
    const ask = (): void => {
      while (!transport.destroyed && client.transport.writableLength < 1 << 16)
        client.send({ type: 'ping', id: 1 });
    };
    const asking = setInterval(ask, 0);
    await vi.waitFor(() => expect(transport.destroyed).toBe(true));
    clearInterval(asking);
  });
});

describe('a client’s side', () => {
  test('opens streams that pass bytes and half-closes both ways', async () => {
    const [here, there] = duplexPair({ highWaterMark: 4096 });
    new SpdyConnection(there, (stream) => {
      stream.pipe(stream);
      return true;
    });
    const own = new SpdyConnection(here);
    const bytes = Buffer.alloc(1 << 20, 'abc');
    const echoed = ['one', 'other'].map(async (text) => {
      const stream = own.open(new Map([['streamtype', 'data']]));
      stream.end(Buffer.concat([bytes, Buffer.from(text)]));
      return Buffer.concat(await stream.toArray())
        .subarray(bytes.length)
        .toString();
    });
    expect(await Promise.all(echoed)).toEqual(['one', 'other']);
    own.close();
    await own.closed;
  });

  test('takes no streams, and answers the pings of a server', async () => {
    const [here, there] = duplexPair();
    new SpdyConnection(here);
    const server = new SpdyTestClient(there);
    server.send({ type: 'ping', id: 1 });
    const unwanted = server.open({});
    server.send({ type: 'ping', id: 2 });
    await until(() => server.has('ping', { id: 2 }));
    expect(server.has('ping', { id: 1 })).toBe(false);
    expect(server.has('rst-stream', { streamId: unwanted })).toBe(true);
  });
});

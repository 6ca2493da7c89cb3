import { duplexPair, PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SpdyConnection } from '../../../kube/streams/spdy/connection.ts';
import { SpdyTestClient } from '../../../kube/streams/spdy/test-client.ts';
import { PortForwards } from './port-forward.ts';

let client: SpdyTestClient;
let connected: number[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const [ours, theirs] = duplexPair();
  connected = [];
  const forwards = new PortForwards(async (port) => {
    connected.push(port);
    return new PassThrough();
  });
  new SpdyConnection(ours, (stream) => forwards.add(stream));
  client = new SpdyTestClient(theirs);
});
afterEach(() => vi.useRealTimers());

const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), { interval: 1 });
const open = (streamtype: string, requestid: string) => client.open({ streamtype, port: '80', requestid });

test('one of two streams is waited for, and given up', async () => {
  const error = open('error', '1');
  await until(() => client.has('syn-reply', { streamId: error }));
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(30_000);
  await until(() => client.text(error) === '(request=1) timed out waiting for streams');
  expect(client.has('data', { streamId: error, fin: true })).toBe(true);
});

test('what the client gives up is kept no longer', async () => {
  for (let i = 0; i < 10; i++) {
    const streamId = open('error', `${i}`);
    client.send({ type: 'rst-stream', streamId, status: 5 });
  }
  client.send({ type: 'ping', id: 1 });
  await until(() => client.has('ping', { id: 1 }));
  await until(() => vi.getTimerCount() === 0);
});

test('a pair of streams is no longer waited for', async () => {
  open('error', '1');
  open('data', '1');
  await until(() => connected.length === 1);
  expect(vi.getTimerCount()).toBe(0);
});

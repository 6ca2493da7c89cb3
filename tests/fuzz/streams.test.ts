/**
 * Whatever a client sends on an upgraded connection, the API server lives on, answers the next one, and leaves no
 * process behind: every session that was begun is told that its client has gone.
 */
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeFrame, type SpdyFrame, SpdyFrameReader } from '../../src/kube/streams/spdy/frame.ts';
import { HeaderEncoder, SpdyError } from '../../src/kube/streams/spdy/header-block.ts';
import type { StreamTarget } from '../../src/lab/apiserver/streams/stream-target.ts';
import {
  type StreamServer,
  spdyHeaders,
  streamServer,
  webSocketHeaders,
  webSocketMessage,
} from './support/stream-server.ts';

const numRuns = Number(process.env.FUZZ_RUNS ?? 2000);
let server: StreamServer;
let command: StreamTarget;

const ports: StreamTarget = {
  kind: 'ports',
  ports: ['80'],
  connect: () => Promise.reject(new Error('refused')),
};

beforeAll(async () => {
  server = await streamServer();
  command = server.target;
});
afterAll(() => server.close());

const connect = async (headers: Record<string, string>) => (await server.connect(headers)).resume();
const spdy = (version: string) => () => connect(spdyHeaders(version));
const webSocket = (protocol: string) => () => connect(webSocketHeaders(protocol));

/** Sends all, in pieces of any size, and goes. */
async function send(open: () => Promise<Duplex>, bytes: Buffer, step: number): Promise<void> {
  const socket = await open();
  for (let at = 0; at < bytes.length && !socket.destroyed; at += step)
    socket.write(bytes.subarray(at, at + step));
  await new Promise((resolve) => setImmediate(resolve));
  socket.destroy();
}

const headers = fc.record(
  {
    streamtype: fc.constantFrom('error', 'stdin', 'stdout', 'resize', 'data', '__proto__', ''),
    port: fc.constantFrom('80', '0', '65536', 'x'),
    requestid: fc.constantFrom('0', '1'),
  },
  { requiredKeys: [] },
);
const streamId = fc.oneof(fc.constantFrom(1, 3, 5, 7), fc.integer({ min: 1, max: 2 ** 31 - 1 }));
const frame: fc.Arbitrary<SpdyFrame> = fc.oneof(
  fc.record({
    type: fc.constantFrom('syn-stream', 'syn-stream', 'syn-reply', 'headers' as const),
    streamId,
    fin: fc.boolean(),
    headers: headers.map((object) => new Map(Object.entries(object) as [string, string][])),
  }),
  fc.record({
    type: fc.constant('data' as const),
    streamId,
    fin: fc.boolean(),
    data: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({ type: fc.constant('rst-stream' as const), streamId, status: fc.integer({ min: 0, max: 12 }) }),
  fc.record({ type: fc.constant('ping' as const), id: fc.integer({ min: 0, max: 9 }) }),
  fc.record({ type: fc.constant('goaway' as const), lastStreamId: fc.constant(0), status: fc.constant(0) }),
);
/** Where bytes are changed or cut off. */
const damage = fc.array(fc.record({ at: fc.nat(), to: fc.nat({ max: 255 }) }), { maxLength: 3 });

function damaged(frames: SpdyFrame[], changes: { at: number; to: number }[]): Buffer {
  const encoder = new HeaderEncoder();
  const bytes = Buffer.concat(frames.map((each) => encodeFrame(each, encoder)));
  for (const { at, to } of changes) if (bytes.length > 0) bytes[at % bytes.length] = to;
  return bytes;
}

test('frames, whole, damaged and cut, are frames or refused', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), damage, fc.nat(), (frames, changes, cut) => {
      const bytes = damaged(frames, changes);
      const reader = new SpdyFrameReader();
      try {
        for (const each of reader.push(bytes.subarray(0, cut % (bytes.length + 1))))
          expect(each.type).not.toBe('');
      } catch (error) {
        expect(error).toBeInstanceOf(SpdyError);
      }
    }),
    { numRuns: 20 * numRuns },
  );
});

test.each<[string, () => Promise<Duplex>, 'command' | 'ports']>([
  ['commands', spdy('v4.channel.k8s.io'), 'command'],
  ['ports', spdy('portforward.k8s.io'), 'ports'],
])('SPDY for %s', async (_, open, to) => {
  server.target = to === 'command' ? command : ports;
  await fc.assert(
    fc.asyncProperty(
      fc.array(frame, { maxLength: 12 }),
      damage,
      fc.integer({ min: 1, max: 500 }),
      (frames, changes, step) => send(open, damaged(frames, changes), step),
    ),
    { numRuns },
  );
  await server.nothingLeft();
});

const messages = fc.array(
  fc.record({
    opcode: fc.constantFrom(1, 2, 2, 2, 8, 9, 10, 3),
    payload: fc.tuple(fc.constantFrom(0, 1, 3, 4, 5, 48, 52, 255), fc.uint8Array({ maxLength: 100 })),
  }),
  { maxLength: 10 },
);

test.each<[string, string, 'command' | 'ports']>([
  ['commands', 'v5.channel.k8s.io', 'command'],
  ['commands in base64', 'v4.base64.channel.k8s.io', 'command'],
  ['ports', 'v4.channel.k8s.io', 'ports'],
  ['a tunnel', 'SPDY/3.1+portforward.k8s.io', 'ports'],
])('a WebSocket for %s', async (_, protocol, to) => {
  server.target = to === 'command' ? command : ports;
  await fc.assert(
    fc.asyncProperty(messages, damage, fc.integer({ min: 1, max: 200 }), async (sent, changes, step) => {
      const bytes = Buffer.concat(sent.map(({ opcode, payload: [channel, rest] }) => webSocketMessage(opcode, Buffer.concat([Buffer.of(channel), rest])))); // biome-ignore format: one line
      for (const { at, to: value } of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      await send(webSocket(protocol), bytes, step);
    }),
    { numRuns },
  );
  await server.nothingLeft();
});

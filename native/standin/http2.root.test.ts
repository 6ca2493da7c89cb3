/** gRPC's health checks, and what else comes by HTTP/2, at the stand-in server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import fc from '../../src/util/testing/properties.ts';

const port = 28_081;
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

const reachable = async (): Promise<boolean> => {
  const socket = connectTcp(port, '127.0.0.1');
  const opened = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'close').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return opened;
};

let server: ChildProcess;
beforeAll(async () => {
  server = spawn(resolve('dist/native/standin'), ['--tcp', String(port)], { stdio: 'inherit' });
  await vi.waitUntil(reachable, { timeout: 20_000 });
});
afterAll(() => void server.kill('SIGKILL'));

let session: ClientHttp2Session;
beforeEach(() => {
  session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  return () => session.destroy();
});

interface Answer {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Headers and trailers together. */
async function call(path: string, message = Buffer.alloc(5)): Promise<Answer> {
  const stream = session.request({
    ...{ ':method': 'POST', ':path': path },
    ...{ 'content-type': 'application/grpc', te: 'trailers' },
  });
  const headers: IncomingHttpHeaders = {};
  stream.on('response', (some) => Object.assign(headers, some));
  stream.on('trailers', (some) => Object.assign(headers, some));
  stream.end(message);
  return { body: Buffer.concat(await stream.toArray()), headers };
}

const healthCheck = '/grpc.health.v1.Health/Check';
const servingBody = Buffer.from([0, 0, 0, 0, 2, 8, 1]);

test('every service is SERVING, as often as one connection asks', async () => {
  for (const message of [Buffer.alloc(5), Buffer.from('\0\0\0\0\x06\n\x04shop'), Buffer.alloc(5)]) {
    const { headers, body } = await call(healthCheck, message);
    expect(headers).toMatchObject({
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': '0',
    });
    expect(body).toEqual(servingBody);
  }
});

test('more than a window of messages goes by one connection', async () => {
  for (let i = 0; i < 3; i++)
    expect((await call(healthCheck, Buffer.alloc(40_000))).headers['grpc-status']).toBe('0');
});

test.each(['/grpc.health.v1.Health/Watch', '/shop.Cart/Add', `/x${healthCheck}`])(
  '%s is not implemented',
  async (path) => {
    expect((await call(path)).headers).toMatchObject({ ':status': 200, 'grpc-status': '12' });
  },
);

test('several at a time are answered each', async () => {
  await call(healthCheck);
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(healthCheck)));
  expect(answers.map(({ headers }) => headers['grpc-status'])).toEqual(Array(20).fill('0'));
});

test('what is no gRPC is told to come with HTTP/1.1', async () => {
  const left = once(session, 'goaway');
  session.request({ ':path': '/' }).on('error', () => {});
  expect((await left)[0]).toBe(13);
});

test('ping is answered', async () => {
  await once(session, 'connect');
  const payload = Buffer.from('12345678');
  expect(await new Promise((done) => session.ping(payload, (_error, _time, answer) => done(answer)))).toEqual(
    payload,
  );
});

test('no frames end the server', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const socket = connectTcp(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.end(Buffer.concat([Buffer.from(preface), bytes]));
      socket.resume();
      await once(socket, 'close');
    }),
  );
  expect(await reachable()).toBe(true);
});

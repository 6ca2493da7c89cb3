import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { describeError, isError } from '../../util/errors.ts';
import { resources } from '../resources.ts';
import { ApiError, isExpired } from './api-error.ts';
import { clientCases } from './client.cases.ts';
import { FakeClient } from './fake-client.ts';
import { startFakeServer } from './fake-server.ts';
import { createHttpClient } from './http-client.ts';

/** For answers that come, ms: as long as a busy machine may take to begin one. */
const patience = 1000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function clientOf(server: string, requestTimeoutMs?: number, watchSeconds?: number) {
  const client = createHttpClient({ server, token: 'secret' }, { requestTimeoutMs, watchSeconds });
  cleanups.push(() => client.close());
  return client;
}

async function serverOf(listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('over HTTP', () => {
  clientCases(async () => {
    const fake = await startFakeServer(new FakeClient());
    cleanups.push(() => fake.close());
    return clientOf(fake.url);
  });
});

test('no server: API_UNREACHABLE with the cause', async () => {
  const { server, url } = await serverOf(() => {});
  await new Promise((resolve) => server.close(resolve));
  const error = await clientOf(url)
    .list(resources.pods)
    .catch((e: unknown) => e);
  expect(isError(error, 'API_UNREACHABLE')).toBe(true);
  expect((error as Error).cause).toMatchObject({ code: 'ECONNREFUSED' });
});

test('a server that does not answer in time is unreachable', async () => {
  const { url } = await serverOf(() => {});
  await expect(clientOf(url, 20).list(resources.pods)).rejects.toThrow(/does not answer/);
});

test('the token is sent, and an error that is no Status becomes one', async () => {
  const seen: (string | undefined)[] = [];
  const { url } = await serverOf((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(401).end('who are you');
  });
  const error = await clientOf(url)
    .list(resources.pods)
    .catch((e: unknown) => e);
  expect(seen).toEqual(['Bearer secret']);
  expect(error).toBeInstanceOf(ApiError);
  expect((error as ApiError).status).toMatchObject({
    code: 401,
    reason: 'Unauthorized',
    message: 'who are you',
  });
});

test('a kept-alive connection that the server closed is replaced unseen', async () => {
  let requests = 0;
  const { url } = await serverOf((request, response) => {
    requests++;
    if (requests === 2) return void request.socket.destroy();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"items":[],"metadata":{"resourceVersion":"7"}}');
  });
  const client = clientOf(url);
  await client.list(resources.pods);
  expect((await client.list(resources.pods)).resourceVersion).toBe('7');
  expect(requests).toBe(3);
});

test('an ERROR event ends a watch with its Status; characters cut between chunks survive', async () => {
  const object = { metadata: { name: 'ü', resourceVersion: '8' } };
  const error = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
  const bytes = Buffer.from(
    `${JSON.stringify({ type: 'ADDED', object })}\n${JSON.stringify({ type: 'ERROR', object: error })}\n`,
  );
  const { url } = await serverOf(async (_request, response) => {
    for (const byte of bytes) {
      response.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  const names: string[] = [];
  const watching = (async () => {
    for await (const event of clientOf(url).watch(resources.pods)) {
      if (event.type !== 'BOOKMARK') names.push(event.object.metadata.name);
    }
  })();
  await expect(watching).rejects.toSatisfy(isExpired);
  expect(names).toEqual(['ü']);
});

test('a watch whose connection breaks is unreachable, one that is aborted just ends', async () => {
  const { server, url } = await serverOf((_request, response) => {
    response.writeHead(200).flushHeaders();
  });
  const broken = clientOf(url).watch(resources.pods)[Symbol.asyncIterator]().next();
  await new Promise<void>((resolve) => server.once('request', () => resolve()));
  setImmediate(() => server.closeAllConnections());
  await expect(broken).rejects.toSatisfy((e) => isError(e, 'API_UNREACHABLE'));
  const signal = AbortSignal.timeout(20);
  expect((await clientOf(url).watch(resources.pods, { signal })[Symbol.asyncIterator]().next()).done).toBe(
    true,
  );
});

const json = { 'content-type': 'application/json' };
const emptyList = '{"items":[],"metadata":{"resourceVersion":"7"}}';

test('an answer that stalls midway is unreachable', async () => {
  const { url } = await serverOf((_request, response) => {
    response.writeHead(200, json).write(emptyList.slice(0, 5));
  });
  const stalled = await clientOf(url, patience)
    .list(resources.configMaps)
    .catch((e: unknown) => e);
  expect(isError(stalled, 'API_UNREACHABLE')).toBe(true);
  expect(describeError(stalled)).toContain('nothing more came within 1 s');
});

test('a request is not made twice because its answer is late', async () => {
  let requests = 0;
  const { url } = await serverOf((_request, response) => {
    if (++requests === 1) response.writeHead(200, json).end(emptyList);
  });
  const client = clientOf(url, patience);
  await client.list(resources.pods);
  await expect(client.list(resources.pods)).rejects.toThrow(/does not answer/);
  expect(requests).toBe(2);
});

test.each([
  ['before its answer begins', () => {}],
  [
    'in the middle of its answer',
    (response: ServerResponse) => void response.writeHead(200, json).write('{'),
  ],
])('a list is cancelled %s', async (_when, begin) => {
  const stop = new AbortController();
  const reason = new Error('no longer wanted');
  const { url } = await serverOf((_request, response) => {
    begin(response);
    setTimeout(() => stop.abort(reason), 10);
  });
  const listing = clientOf(url).list(resources.pods, { signal: stop.signal });
  await expect(listing).rejects.toMatchObject({
    code: 'CANCELLED',
    message: 'GET /api/v1/pods was cancelled',
    cause: reason,
  });
});

test.each([
  [
    'no JSON',
    'application/json',
    '<html>sign in',
    'the answer to GET /api/v1/pods is no JSON: <html>sign in',
  ],
  ['a page', 'text/html', '<html>sign in', 'the answer to GET /api/v1/pods is no object: <html>sign in'],
  ['another object', 'application/json', '{}', 'the answer to GET /api/v1/pods is no list of pods'],
])('a success that is %s is an error that names the request', async (_what, type, body, message) => {
  const { url } = await serverOf((_request, response) => {
    response.writeHead(200, { 'content-type': type }).end(body);
  });
  const error = await clientOf(url)
    .list(resources.pods)
    .catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ message, remedy: expect.stringContaining('kubeconfig') });
});

test('a line of a watch that is no JSON is an error that names the watch', async () => {
  const { url } = await serverOf((_request, response) => void response.writeHead(200, json).end('oops\n'));
  const next = clientOf(url).watch(resources.pods)[Symbol.asyncIterator]().next();
  await expect(next).rejects.toThrow(/^the answer to GET \/api\/v1\/pods\?.*watch=true.* is no JSON: oops$/);
});

test('a quiet watch lasts its time and is given up when the server does not end it', async () => {
  const asked: string[] = [];
  const { url } = await serverOf((request, response) => {
    asked.push(new URL(request.url!, url).searchParams.get('timeoutSeconds')!);
    response.writeHead(200, json).flushHeaders();
  });
  const next = clientOf(url, patience, 0.1).watch(resources.pods)[Symbol.asyncIterator]().next();
  await expect(next).rejects.toMatchObject({
    code: 'API_UNREACHABLE',
    cause: { message: 'the server did not end it after 0.1 s' },
  });
  expect(asked).toEqual(['0.1']);
});

test('an observer hears of each request, and how long those take that are read whole', async () => {
  const { url } = await serverOf((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.writeHead(request.url!.includes('watch') ? 410 : 200).end('{"metadata":{},"items":[]}');
  });
  const heard: unknown[] = [];
  const client = createHttpClient(
    { server: url },
    {
      observer: {
        exchanged: (exchange) => heard.push(exchange),
        answered: ({ method }, ms) => heard.push([method, ms >= 0]),
      },
    },
  );
  cleanups.push(() => client.close());
  await client.list(resources.pods);
  await expect(client.watch(resources.pods)[Symbol.asyncIterator]().next()).rejects.toThrow();
  const { host } = new URL(url);
  const exchange = { method: 'GET', host };
  expect(heard).toEqual([{ ...exchange, status: 200 }, ['GET', true], { ...exchange, status: 410 }]);
});

import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { resources } from '../resources.ts';
import { clientCases } from './client.cases.ts';
import { FakeClient } from './fake-client.ts';
import { startFakeServer } from './fake-server.ts';
import { createHttpClient } from './http-client.ts';
import { createInformers } from './informers.ts';
import type { TransportOptions } from './transport.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serverOf(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return await listening(server);
}

/** An address at which nobody listens. */
async function nobody(): Promise<string> {
  const server = createServer();
  const url = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return url;
}

async function fakeServer(fake: FakeClient) {
  const server = await startFakeServer(fake);
  cleanups.push(() => server.server.listening && server.close());
  return server;
}

function clientOf(
  servers: readonly string[],
  options: TransportOptions & { requestTimeoutMs?: number; tokenFile?: string } = {},
) {
  const [server = '', ...alternatives] = servers;
  const failovers: string[] = [];
  const { tokenFile, ...rest } = options;
  const client = createHttpClient(
    { server, alternatives, tokenFile },
    { ...rest, onFailover: ({ from, to }) => failovers.push(`${from} → ${to}`) },
  );
  cleanups.push(() => client.close());
  return { client, failovers };
}

const status =
  (code: number): RequestListener =>
  (_request, response) => {
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ kind: 'Status', code, message: `it is ${code}` }));
  };

describe('behind a server that is gone', () => {
  clientCases(async () => {
    const { url } = await fakeServer(new FakeClient());
    return clientOf([await nobody(), url]).client;
  });
});

const configMap = (name: string) => ({ metadata: { name, namespace: 'ns' }, data: {} });

test('a server that answers is kept, also when the first one is back', async () => {
  const fake = new FakeClient();
  const [a, b] = [await fakeServer(fake), await fakeServer(fake)];
  const { client, failovers } = clientOf([a.url, b.url]);
  await client.list(resources.configMaps);
  expect(failovers).toEqual([]);
  await a.close();
  await client.list(resources.configMaps);
  await client.create(resources.configMaps, configMap('a'));
  expect(fake.objects(resources.configMaps)).toHaveLength(1);
  expect(failovers).toEqual([`${a.url} → ${b.url}`]);
});

test('of many requests that fail at once none passes over a server', async () => {
  const fake = new FakeClient();
  const [b, c] = [await fakeServer(fake), await fakeServer(fake)];
  const a = await nobody();
  const { client, failovers } = clientOf([a, b.url, c.url]);
  await Promise.all(Array.from({ length: 20 }, () => client.list(resources.pods)));
  expect(failovers).toEqual([`${a} → ${b.url}`]);
});

test('where none answers each is asked once, and the last one’s error told', async () => {
  const servers = [await nobody(), await nobody(), await nobody()];
  const { client, failovers } = clientOf(servers);
  await expect(client.list(resources.pods)).rejects.toMatchObject({
    code: 'API_UNREACHABLE',
    message: expect.stringContaining(servers[2]!),
  });
  expect(failovers).toHaveLength(3);
});

test.each([502, 503, 504])(
  'a server that says %i is left; what it refuses otherwise is told',
  async (code) => {
    const { url } = await fakeServer(new FakeClient());
    const { client } = clientOf([await serverOf(status(code)), url]);
    expect((await client.list(resources.pods)).items).toEqual([]);
    const { client: refused, failovers } = clientOf([await serverOf(status(403)), url]);
    await expect(refused.list(resources.pods)).rejects.toThrow('it is 403');
    expect(failovers).toEqual([]);
  },
);

test('what may have been done is not asked for again, and the next request goes to another server', async () => {
  const fake = new FakeClient();
  const { url } = await fakeServer(fake);
  const mute = await serverOf(() => {});
  const { client } = clientOf([mute, url], { requestTimeoutMs: 1000 });
  await expect(client.create(resources.configMaps, configMap('a'))).rejects.toMatchObject({
    code: 'API_UNREACHABLE',
    cause: { message: 'no answer within 1 s' },
  });
  expect(fake.writes).toEqual([]);
  await client.create(resources.configMaps, configMap('a'));
  expect(fake.writes).toEqual(['create configmaps ns/a']);
});

test('a server that takes no connection is left long before the time of a request is over', async () => {
  // It accepts and never begins TLS.
  const silent = createTcpServer((socket) => cleanups.push(() => socket.destroy()));
  cleanups.push(() => silent.close());
  const mute = (await listening(silent)).replace('http:', 'https:');
  const fake = new FakeClient();
  const { url } = await fakeServer(fake);
  const { client } = clientOf([mute, url], { connectTimeoutMs: 50 });
  await client.create(resources.configMaps, configMap('a'));
  expect(fake.writes).toEqual(['create configmaps ns/a']);
});

test('informers go on at another server, without listing again', async () => {
  const fake = new FakeClient();
  const [a, b] = [await fakeServer(fake), await fakeServer(fake)];
  const { client } = clientOf([a.url, b.url]);
  const informers = createInformers({ client });
  cleanups.push(() => informers.stop());
  const store = informers.store(resources.configMaps);
  informers.start();
  await informers.allSynced();
  const verbs: string[] = [];
  fake.intercept = ({ verb }) => void verbs.push(verb);
  await a.close();
  fake.seed(resources.configMaps, configMap('late'));
  await vi.waitFor(() => expect(store.list()).toHaveLength(1));
  expect(verbs).toEqual(['watch']);
});

test('a token that was renewed in place counts from the first refusal of the old one', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tendril-token-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, 'old');
  let wanted = 'Bearer old';
  const seen: (string | undefined)[] = [];
  const url = await serverOf((request, response) => {
    seen.push(request.headers.authorization);
    if (request.headers.authorization !== wanted) return status(401)(request, response);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"items":[],"metadata":{"resourceVersion":"7"}}');
  });
  const { client } = clientOf([url], { tokenFile });
  await client.list(resources.pods);
  wanted = 'Bearer new';
  await expect(client.list(resources.pods)).rejects.toThrow('it is 401');
  writeFileSync(tokenFile, 'new');
  await client.list(resources.pods);
  expect(seen).toEqual(['Bearer old', 'Bearer old', 'Bearer old', 'Bearer new']);
});

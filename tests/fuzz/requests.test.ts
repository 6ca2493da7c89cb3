/**
 * Whatever is asked of the API server, it answers in its own words: never with an error of the program's own (500),
 * never by changing what was not asked for, never by going, and never by keeping what nobody wants any more.
 */
import { connect, type TLSSocket } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ApiResponse } from '../../src/lab/apiserver/api-request.ts';
import { type ApiServer, createApiServer } from '../../src/lab/apiserver/api-server.ts';
import type { Listener } from '../../src/lab/apiserver/http/https-server.ts';
import type { JsonObject } from '../../src/lab/apiserver/json.ts';
import {
  apiServerNames,
  type CertificateAuthority,
  createCertificateAuthority,
} from '../../src/lab/apiserver/pki/pki.ts';
import { createLogger } from '../../src/util/logger.ts';
import { announceSeed, bounded } from './support/bounds.ts';
import { Canary } from './support/canary.ts';
import { anyPatch, anyRequest, anyWrite, type Fuzzed, wholeObjects } from './support/requests.ts';

let server: ApiServer;
let canary: Canary;
let listener: Listener;
let ca: CertificateAuthority;
const logged: string[] = [];

beforeAll(async () => {
  announceSeed('requests');
  server = createApiServer({
    serviceCidrs: ['10.96.0.0/24', 'fd00::/112'],
    nodePortRange: { first: 30000, last: 30099 },
    logger: createLogger({ level: 'error', write: (line) => void logged.push(line) }),
  });
  canary = await Canary.on(server);
  ca = createCertificateAuthority();
  const { certificate, key } = ca.serverCertificate(apiServerNames('cluster.local'));
  const at = { host: '127.0.0.1', port: 0 };
  listener = await server.listen({ certificate, key, clientCa: ca.certificate, at });
});
beforeEach(() => logged.splice(0));
afterAll(() => server?.stop());

/** Reads what there is to read of a watch or a log that ends at once. */
async function drain(response: ApiResponse): Promise<void> {
  if ('events' in response) for await (const _ of response.events) break;
  if ('raw' in response && typeof response.raw === 'object' && 'destroy' in response.raw) response.raw.destroy(); // biome-ignore format: one line
}

/** Asks, and expects an answer that is not the program's own failure. */
async function ask({ method, url, contentType, body }: Fuzzed): Promise<void> {
  if (!URL.canParse(url, 'http://server')) return;
  const { pathname: path, searchParams: query } = new URL(url, 'http://server');
  const signal = AbortSignal.abort();
  const request = { method, path, query, contentType, body: structuredClone(body), signal };
  const response = await server.handle(request);
  await drain(response);
  // Of a failure of its own a server says InternalError; an apply of unknown fields is 500 in Kubernetes, too.
  const { reason, message } = 'body' in response ? (response.body as JsonObject) : {};
  if (reason === 'InternalError') throw new Error(message);
  JSON.stringify('body' in response ? response.body : '');
}

test('any request is answered, and touches nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyRequest, { maxLength: 5 }), async (requests) => {
      for (const each of requests) await ask(each);
      await canary.check();
    }),
    bounded(0.2),
  );
  expect(logged).toEqual([]);
});

test('objects that are nearly right are taken or refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyWrite, { maxLength: 5 }), async (requests) => {
      for (const each of requests) await ask(each);
      await canary.check();
    }),
    bounded(0.2),
  );
  expect(logged).toEqual([]);
});

test('patches of the four kinds are applied or refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyPatch, { maxLength: 5 }), async (requests) => {
      for (const each of [...wholeObjects, ...requests]) await ask(each);
      await canary.check();
    }),
    bounded(0.2),
  );
  expect(logged).toEqual([]);
});

/** Sends bytes on a connection of its own; what comes back until the server is silent or has closed. */
async function exchange(bytes: Buffer): Promise<string> {
  const { certificate: cert, key } = ca.clientCertificate('admin', ['system:masters']);
  const socket: TLSSocket = connect({
    port: listener.port,
    host: '127.0.0.1',
    ca: ca.certificate,
    cert,
    key,
  });
  let text = '';
  const ended = new Promise<void>((resolve, reject) => {
    socket.once('close', resolve).once('end', resolve);
    socket.setTimeout(10_000, () => reject(new Error(`no end after: ${bytes.toString('latin1')}`)));
  });
  socket
    .on('error', () => {})
    .on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
  socket.end(bytes);
  await ended;
  socket.destroy();
  return text;
}

const headerName = fc.constantFrom('content-type', 'content-length', 'content-encoding', 'transfer-encoding', 'accept', 'accept-encoding', 'authorization', 'expect', 'upgrade', 'connection', 'x-forwarded-for', 'impersonate-user', 'range', 'if-match'); // biome-ignore format: one line
const headerValue = fc.oneof(
  fc.constantFrom('application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf', 'gzip', 'chunked', '-1', '5', '99999999999', 'Bearer x', 'Bearer a.b.c', '100-continue', 'SPDY/3.1', 'websocket', 'Upgrade', 'close', '*/*;q=x', 'application/json;as=Table;v=v1;g=meta.k8s.io', 'a'.repeat(9000)), // biome-ignore format: one line
  fc.string({ maxLength: 20 }),
);
const rawBody = fc.oneof(
  fc.constantFrom('', '{', '['.repeat(5000), '{"a":'.repeat(5000), '{"__proto__":{"x":1}}', 'a: &a [*a]', `a: &a [x]\nb: &b [${'*a,'.repeat(50)}]`, '\u0000', '{"metadata":{"name":"raw"},"data":{"k":1e999}}', 'k8s\0', 'k8s\0\n\x0f\n\x02v1\x12\x09ConfigMap\x12\x05\n\x03\n\x01a', 'k8s\0\n\x0f\n\x02v1\x12\x09ConfigMap\x12\x7f'), // biome-ignore format: one line
  fc.string({ maxLength: 60 }),
);
const rawRequest = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'BREW', 'CONNECT'),
    target: fc.oneof(
      fc.constantFrom('/api/v1/namespaces/default/configmaps', '/api/v1/namespaces/default/pods/a/exec?command=x', '//', '*', 'http://x:99999/', '/%', '/api/v1/pods?limit=%zz'), // biome-ignore format: one line
      fc.string({ maxLength: 20 }).map((text) => `/${text}`),
    ),
    headers: fc.array(fc.tuple(headerName, headerValue), { maxLength: 4 }),
    body: rawBody,
    honest: fc.boolean(),
    damage: fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 2 }),
  })
  .map(({ method, target, headers, body, honest, damage }) => {
    const length: [string, string][] = honest ? [['content-length', String(Buffer.byteLength(body))]] : [];
    const lines = [...headers, ...length].map(([key, text]) => `${key}: ${text}\r\n`).join('');
    const bytes = Buffer.from(`${method} ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${lines}\r\n${body}`); // biome-ignore format: one line
    for (const [at, to] of damage) bytes[at % bytes.length] = to;
    return bytes;
  });

test('bytes that are no request, or one with odd headers, end with an answer or the connection', async () => {
  await fc.assert(
    fc.asyncProperty(rawRequest, async (bytes) => {
      expect(await exchange(bytes)).not.toMatch(/^HTTP\/1.1 500/);
    }),
    bounded(0.25),
  );
  expect(logged).toEqual([]);
  await canary.check();
});

test('what was asked for is forgotten: memory does not grow with requests', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heap = () => {
    collect();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  const sweep = async () => {
    for (const each of wholeObjects) await ask(each);
    for (const { url } of wholeObjects) await ask({ method: 'DELETE', url: `${url}/a` });
    for (const { url } of wholeObjects) await ask({ method: 'GET', url: `${url}?watch=true` });
    await ask({ method: 'GET', url: '/api/v1/pods?limit=1' });
  };
  // The server remembers the last so many changes, for watches: that has to be full before it can be said to grow.
  for (let i = 0; i < 300; i++) await sweep();
  const before = heap();
  for (let i = 0; i < 300; i++) await sweep();
  expect(heap() - before).toBeLessThan(32);
});

/** Clients that ask for much: other protocols, requests that never end, the same object at once. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiServerNames, type CertificateAuthority, createCertificateAuthority } from '../pki/pki.ts';
import { mergePatch, useTestServer } from '../test-server.ts';
import { type Listener, listenHttps, type Patience } from './https-server.ts';

let ca: CertificateAuthority;
const listeners: Listener[] = [];

async function listen(patience?: Patience): Promise<Listener> {
  const { certificate, key } = ca.serverCertificate(apiServerNames('cluster.local'));
  const listener = await listenHttps(async () => ({ status: 200, body: {} }), {
    ...{ certificate, key, clientCa: ca.certificate, at: { host: '127.0.0.1', port: 0 } },
    ...(patience && { patience }),
  });
  listeners.push(listener);
  return listener;
}

function open({ port }: Listener, ALPNProtocols?: string[]): TLSSocket {
  const { certificate: cert, key } = ca.clientCertificate('admin', ['system:masters']);
  const offered = ALPNProtocols === undefined ? {} : { ALPNProtocols };
  return connect({ host: '127.0.0.1', port, ca: ca.certificate, cert, key, ...offered });
}

beforeAll(() => {
  ca = createCertificateAuthority();
});
afterAll(async () => {
  for (const listener of listeners) await listener.close();
});

describe('HTTP/2', () => {
  test('whoever would rather speak it is told of HTTP/1.1', async () => {
    const socket = open(await listen(), ['h2', 'http/1.1']);
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.end('GET /version HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('whoever speaks nothing else is turned away', async () => {
    const socket = open(await listen(), ['h2']);
    const [error] = await once(socket, 'error');
    expect(error.message).toContain('no application protocol');
  });
});

describe('a request that never arrives as a whole', () => {
  test.each<[string, Patience, string]>([
    ['headers', { headers: 50, whole: 60_000 }, 'GET /version HTTP/1.1\r\nhost: x\r\nx-and-so-on: '],
    [
      'body',
      { headers: 50, whole: 100 },
      'POST /api/v1/namespaces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
    ],
  ])('is given up: %s', async (_, patience, sent) => {
    const socket = open(await listen(patience));
    socket.write(sent);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('fifty writers of one object', () => {
  const { call } = useTestServer();
  const maps = '/api/v1/namespaces/default/configmaps';
  const writers = Array.from({ length: 50 }, (_, i) => i);

  async function increment(): Promise<number> {
    for (let conflicts = 0; ; conflicts++) {
      const { code: _, warnings: __, ...read } = await call('GET', `${maps}/m`);
      const next = { ...read, data: { n: String(Number(read.data.n) + 1) } };
      const { code } = await call('PUT', `${maps}/m`, next);
      if (code === 200) return conflicts;
      expect(code).toBe(409);
    }
  }

  test('lose nothing when they update what they have read', async () => {
    await call('POST', maps, { metadata: { name: 'm' }, data: { n: '0' } });
    const conflicts = await Promise.all(writers.map(increment));
    expect((await call('GET', `${maps}/m`)).data).toEqual({ n: '50' });
    expect(Math.max(...conflicts)).toBeGreaterThan(0);
  });

  test('are all heard when they patch', async () => {
    await call('POST', maps, { metadata: { name: 'm' } });
    const patch = (i: number) => call('PATCH', `${maps}/m`, { data: { [`k${i}`]: 'x' } }, mergePatch);
    const codes = (await Promise.all(writers.map(patch))).map(({ code }) => code);
    expect(new Set(codes)).toEqual(new Set([200]));
    expect(Object.keys((await call('GET', `${maps}/m`)).data)).toHaveLength(50);
  });
});

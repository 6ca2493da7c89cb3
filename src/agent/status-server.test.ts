import { request } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type StatusServer, startStatusServer } from './status-server.ts';

let server: StatusServer;
let reason: string | undefined;

beforeEach(async () => {
  reason = undefined;
  server = await startStatusServer(0, {
    notReady: () => reason,
    metrics: () => 'tendril_pods 1\n',
    status: () => ({ size: 10n }),
    services: async () => [{ frontend: '10.96.0.1|80' }],
    connections: async (limit) => ({ limit }),
    dnsAnswers: async (every) => ({ every }),
  });
});
afterEach(() => server.close());

async function get(path: string, method = 'GET'): Promise<[number, string]> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  return [response.status, await response.text()];
}

it('tells health, readiness, metrics and status', async () => {
  expect(await get('/healthz')).toEqual([200, 'ok\n']);
  expect(await get('/readyz')).toEqual([200, 'ok\n']);
  expect(await get('/metrics')).toEqual([200, 'tendril_pods 1\n']);
  expect(await get('/status?pretty')).toEqual([200, '{\n  "size": "10"\n}\n']);
  reason = 'no pod CIDR';
  expect(await get('/readyz')).toEqual([503, 'no pod CIDR\n']);
  expect(await get('/services')).toEqual([200, '[\n  {\n    "frontend": "10.96.0.1|80"\n  }\n]\n']);
  for (const [query, limit] of [
    ['', 1000],
    ['?limit=5', 5],
    ['?limit=-1', 1000],
  ] as const)
    expect(JSON.parse((await get(`/conntrack${query}`))[1])).toEqual({ limit });
  for (const [query, every] of [
    ['', 1],
    ['?every=100', 100],
    ['?every=0', 1],
    ['?every=4294967296', 1],
  ] as const)
    expect(JSON.parse((await get(`/dns-answers${query}`))[1])).toEqual({ every });
  expect((await get('/nothing'))[0]).toBe(404);
  expect((await get('/status', 'POST'))[0]).toBe(405);
});

it('answers on IPv6 too', async () => {
  expect((await fetch(`http://[::1]:${server.port}/healthz`)).status).toBe(200);
});

it('says that the port is taken', async () => {
  const sources = {
    notReady: () => undefined,
    metrics: () => '',
    status: () => ({}),
    services: async () => [],
    connections: async () => [],
    dnsAnswers: async () => [],
  };
  await expect(startStatusServer(server.port, sources)).rejects.toThrow(`port ${server.port} is taken`);
});

it('tells who talks to whom to the node alone', async () => {
  const elsewhere = { host: '127.0.0.1', localAddress: '127.0.0.2', port: server.port };
  const ask = (path: string) =>
    new Promise((resolve) => {
      request({ ...elsewhere, path, agent: false }, ({ statusCode }) => resolve(statusCode)).end();
    });
  expect(await Promise.all(['/status', '/services', '/conntrack'].map(ask))).toEqual([403, 403, 403]);
  expect(await Promise.all(['/healthz', '/readyz', '/metrics'].map(ask))).toEqual([200, 200, 200]);
});

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Node } from '../../kube/types.ts';
import { parseIp } from '../../net/ip.ts';
import { FakeClock } from '../../util/clock.ts';
import { createLogger } from '../../util/logger.ts';
import { openAtFreePort } from '../../util/testing/free-port.ts';
import type { ServiceState } from '../model/service-state.ts';
import { type OpenPort, openPort } from './http-port.ts';
import { createServiceHealth, isEligible, type ServiceHealth } from './service-health.ts';

const logger = createLogger({ write: () => {} });
const node = (spec: object = {}, metadata: object = {}) =>
  ({ metadata: { name: 'n', ...metadata }, spec }) as Node;
const tainted = (key: string) => node({ taints: [{ key, effect: 'NoSchedule' }] });
let open: ServiceHealth[] = [];

afterEach(async () => {
  for (const health of open) await health[Symbol.asyncDispose]();
  open = [];
  places.clear();
});

/** Where the ports that a test names are open: at any that is free. */
const places = new Map<number, number>();
const openAnywhere: OpenPort = async (at, answer) => {
  const { port, opened } = await openAtFreePort((port) => openPort({ ...at, port }, answer));
  places.set(at.port, port);
  return opened;
};

interface Start {
  port: number;
  object?: () => Node | undefined | 'unknown';
  open?: OpenPort;
}

function start({ port, object = () => node(), open: openIt = openAnywhere }: Start) {
  const clock = new FakeClock(Date.now());
  const health = createServiceHealth({
    port,
    families: [4, 6],
    node: { addresses: () => [parseIp('127.0.0.1')], object },
    nodePortAddresses: [],
    openPort: openIt,
    clock,
    logger,
  });
  open.push(health);
  health.start();
  return { health, clock };
}

const state = (healthChecks: ServiceState['healthChecks'] = new Map()) => ({ healthChecks }) as ServiceState;
const host = { 4: '127.0.0.1', 6: '[::1]' };

async function get(port: number, path: string, family: 4 | 6 = 4, method = 'GET') {
  const at = `${host[family]}:${places.get(port) ?? port}`;
  const response = await fetch(`http://${at}${path}`, { method });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

describe('a node that is eligible for load balancers', () => {
  it.each<[string, Node | undefined | 'unknown', boolean]>([
    ['a node', node(), true],
    ['one that is tainted in any other way', tainted('other'), true],
    ['not one that the autoscaler is about to delete', tainted('ToBeDeletedByClusterAutoscaler'), false],
    ['not one that is being deleted', node({}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), false],
    ['not one without an object', undefined, false],
    ['one that the API has not told of yet', 'unknown', true],
  ])('%s', (_, object, expected) => {
    expect(isEligible(object)).toBe(expected);
  });
});

describe('/healthz and /livez', () => {
  it('answer on both families; only /healthz knows of the node’s end', async () => {
    const port = 10256;
    let object = node();
    const { health, clock } = start({ port, object: () => object });
    await clock.advance(1);
    await vi.waitFor(() => get(port, '/livez', 6));
    for (const family of [4, 6] as const) expect((await get(port, '/healthz', family)).status).toBe(200);
    object = tainted('ToBeDeletedByClusterAutoscaler');
    const { status, headers, text } = await get(port, '/healthz');
    expect([status, headers.get('content-type'), headers.get('x-content-type-options')]).toEqual([
      503,
      'application/json',
      'nosniff',
    ]);
    expect(JSON.parse(text)).toMatchObject({ nodeEligible: false, healthy: true });
    expect((await get(port, '/livez')).status).toBe(200);
    expect((await get(port, '/else')).status).toBe(404);
    health.updated(state());
    health.queued();
    await clock.advance(61_000);
    expect((await get(port, '/livez')).status).toBe(503);
    health.updated(state());
    expect((await get(port, '/livez')).status).toBe(200);
  });

  it('a port that is taken is a problem in the status, and is tried again', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '0.0.0.0', resolve));
    const { port } = other.address() as AddressInfo;
    const { health, clock } = start({ port, open: openPort });
    await clock.advance(1);
    await vi.waitFor(() => expect(health.status().problems).toEqual([expect.stringContaining('EADDRINUSE')]));
    await new Promise((resolve) => other.close(resolve));
    await vi.waitFor(async () => {
      await clock.advance(30_000);
      expect(health.status().problems).toEqual([]);
    });
    expect((await get(port, '/healthz')).status).toBe(200);
  });
});

describe('a healthCheckNodePort', () => {
  it('tells the ready endpoints of each family, as kube-proxy’s bytes', async () => {
    const [port, checked] = [10256, 30100];
    const { health, clock } = start({ port });
    const check = { port: checked, families: [4, 6] as const, localEndpoints: { 4: 2, 6: 0 } };
    health.updated(state(new Map([['shop/web', check]])));
    await clock.advance(1);
    await vi.waitFor(() => get(checked, '/', 6));
    const { status, headers, text } = await get(checked, '/any/path', 4, 'POST');
    expect([status, headers.get('x-load-balancing-endpoint-weight')]).toEqual([200, '2']);
    expect(text).toBe(
      '{\n\t"service": {\n\t\t"namespace": "shop",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": 2,\n\t"serviceProxyHealthy": true\n}',
    );
    expect((await get(checked, '/', 6)).status).toBe(503);
    health.updated(state());
    await clock.advance(1000);
    await vi.waitFor(() => expect(get(checked, '/')).rejects.toThrow());
  });
});

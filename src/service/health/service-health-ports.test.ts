import { beforeEach, describe, expect, it } from 'vitest';
import type { Family } from '../../net/ip.ts';
import type { HealthCheck } from '../model/service-state.ts';
import type { Answer, OpenPort } from './http-port.ts';
import { ServiceHealthPorts } from './service-health-ports.ts';

/** By `host|port`: what answers there. */
let listening: Map<string, () => Answer>;
let taken: Set<number>;
let healthy: boolean;
let failures: string[];
let own: string[];
let ports: ServiceHealthPorts;

const openPort: OpenPort = async ({ port, addresses }, answer) => {
  if (taken.has(port)) throw new Error(`port ${port} is taken`);
  const keys = addresses.map(({ host, family }) => {
    listening.set(`${host}|${port}`, () => answer({ path: '/', family }));
    return `${host}|${port}`;
  });
  return {
    [Symbol.asyncDispose]: async () => {
      for (const key of keys) listening.delete(key);
    },
  };
};

beforeEach(() => {
  listening = new Map();
  taken = new Set();
  failures = [];
  healthy = true;
  own = ['0.0.0.0'];
  ports = new ServiceHealthPorts({
    openPort,
    addresses: (family) => (family === 4 ? own.map((host) => ({ family, host })) : [{ family, host: '::' }]),
    isHealthy: () => healthy,
    onFailure: (service) => failures.push(service),
  });
});

function checks(services: Record<string, [port: number, local: number]>): Map<string, HealthCheck> {
  return new Map(
    Object.entries(services).map(([name, [port, local]]) => [
      name,
      { port, families: [4] as Family[], localEndpoints: { 4: local, 6: 0 } },
    ]),
  );
}

const ask = (port: number, host = '0.0.0.0') => {
  const { ok, headers, body } = listening.get(`${host}|${port}`)!();
  return [ok, headers!['X-Load-Balancing-Endpoint-Weight'], JSON.parse(body!)];
};
const answer = (service: string, local: number, ok = local > 0, serviceProxyHealthy = true) => {
  const [namespace, name] = service.split('/');
  return [ok, String(local), { service: { namespace, name }, localEndpoints: local, serviceProxyHealthy }];
};

describe('kube-proxy’s own case (healthcheck_test.go)', () => {
  it('follows Services and their endpoints', async () => {
    await ports.sync(new Map());
    expect(listening.size).toBe(0);
    for (const local of [0, 18, 0, 11]) {
      await ports.sync(checks({ 'a/b': [9376, local] }));
      expect([...listening.keys()]).toEqual(['0.0.0.0|9376']);
      expect(ask(9376)).toEqual(answer('a/b', local));
    }
    await ports.sync(new Map());
    expect(listening.size).toBe(0);

    await ports.sync(checks({ 'a/b': [9376, 9], 'c/d': [12_909, 3], 'e/f': [11_113, 7] }));
    expect([ask(9376), ask(12_909), ask(11_113)]).toEqual([
      answer('a/b', 9),
      answer('c/d', 3),
      answer('e/f', 7),
    ]);
    await ports.sync(checks({ 'c/d': [12_909, 3], 'e/f': [11_114, 7], 'g/h': [11_878, 6] }));
    expect([...listening.keys()].sort()).toEqual(['0.0.0.0|11114', '0.0.0.0|11878', '0.0.0.0|12909']);
    expect([ask(12_909), ask(11_114), ask(11_878)]).toEqual([
      answer('c/d', 3),
      answer('e/f', 7),
      answer('g/h', 6),
    ]);
    healthy = false;
    expect([ask(12_909), ask(11_114)]).toEqual([
      answer('c/d', 3, false, false),
      answer('e/f', 7, false, false),
    ]);
    healthy = true;
    expect(ask(12_909)).toEqual(answer('c/d', 3));
  });
});

describe('each family', () => {
  it('tells its own endpoints, and only those of the Service answer', async () => {
    const both = { port: 100, families: [4, 6] as Family[], localEndpoints: { 4: 1, 6: 0 } };
    await ports.sync(new Map([['a/b', both]]));
    expect([ask(100), ask(100, '::')]).toEqual([answer('a/b', 1), answer('a/b', 0)]);
    await ports.sync(new Map([['a/b', { ...both, families: [6] as Family[] }]]));
    expect([...listening.keys()]).toEqual(['::|100']);
  });

  it('follows the addresses that serve NodePorts', async () => {
    own = ['10.0.0.1'];
    await ports.sync(checks({ 'a/b': [100, 1] }));
    own = ['10.0.0.2', '10.0.0.3'];
    await ports.sync(checks({ 'a/b': [100, 1] }));
    expect([...listening.keys()]).toEqual(['10.0.0.2|100', '10.0.0.3|100']);
  });
});

describe('a port that is taken', () => {
  it('is a problem that is told once, keeps no other from opening, and ends when it is free', async () => {
    taken.add(100);
    const wanted = checks({ 'a/b': [100, 1], 'c/d': [101, 1] });
    await ports.sync(wanted);
    await ports.sync(wanted);
    expect([...listening.keys()]).toEqual(['0.0.0.0|101']);
    expect([...ports.problems()]).toEqual([['a/b', 'port 100 is taken']]);
    expect(failures).toEqual(['a/b']);
    taken.clear();
    await ports.sync(wanted);
    expect([ports.problems().size, ask(100)]).toEqual([0, answer('a/b', 1)]);
  });

  it('is no problem any more once its Service is gone', async () => {
    taken.add(100);
    await ports.sync(checks({ 'a/b': [100, 1] }));
    await ports.sync(new Map());
    expect(ports.problems().size).toBe(0);
  });
});

it('closes what it opened', async () => {
  await ports.sync(checks({ 'a/b': [100, 1], 'c/d': [101, 1] }));
  await ports.close();
  expect(listening.size).toBe(0);
});

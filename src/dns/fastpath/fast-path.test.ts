import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { FakeBpf } from '../../linux/bpf/fake-bpf.ts';
import { parseIp } from '../../net/ip.ts';
import { silentLogger } from '../../util/logger.ts';
import { FastPath } from './fast-path.ts';
import { layouts } from './generated/layouts.ts';
import { fakeDnsBpf } from './testing-maps.ts';
import type { NameAddresses } from './zone-maps.ts';

let bpf: FakeBpf;
let names: Map<string, NameAddresses>;
let serial: number;
beforeEach(() => {
  bpf = fakeDnsBpf();
  names = new Map([
    ['cluster.local', { ips: [] }],
    ['a.b.svc.cluster.local', { ips: [parseIp('10.96.0.1')] }],
  ]);
  serial = 1;
});

const source = { names: () => names.keys(), addresses: (name: string) => names.get(name) };
const settings = () => ({ zone: 'cluster.local', ttl: 5, serial, udpBytes: 1232, recursive: true });

function fastPath(mapSizes: Record<string, number> = {}): FastPath {
  const pinDirectory = '/bpf/node/dns';
  return new FastPath({ bpf, objectsDirectory: '/objects', pinDirectory, mapSizes, logger: silentLogger });
}

const map = (name: string) => bpf.maps.get(`/bpf/node/dns/${name}`)!;
const config = () => layouts.dnsConfig.decode(map('dns_config').lookup(new Uint8Array(4))!);
/** Names in the map of short ones, by their labels. */
function kept(): string[] {
  return [...map('dns_names').entries()].map(([key]) => {
    const labels: string[] = [];
    for (let at = 0; key[at]; at += key[at]! + 1)
      labels.push(Buffer.from(key.subarray(at + 1, at + 1 + key[at]!)).toString());
    return labels.join('.');
  });
}

test('answers once all names are in the maps', async () => {
  const path = fastPath();
  expect(path.state()).toEqual({ answering: false, reason: 'not all names are known yet' });
  expect(config().enabled).toBe(0);
  await path.follow(source, settings);
  expect(path.state()).toEqual({ answering: true });
  expect(config()).toMatchObject({ enabled: 1, zoneLabels: 2, zoneBytes: 15, ttl: 5, serial: 1 });
  expect(kept().sort()).toEqual(['a.b.svc.cluster.local', 'cluster.local']);
});

test('writes what has changed, with the new serial', async () => {
  const path = fastPath();
  await path.follow(source, settings);
  const before = map('dns_names').writes;
  names.set('c.b.svc.cluster.local', { ips: [] });
  names.delete('a.b.svc.cluster.local');
  serial = 2;
  await path.changed(['c.b.svc.cluster.local', 'a.b.svc.cluster.local', 'never.was']);
  expect(kept().sort()).toEqual(['c.b.svc.cluster.local', 'cluster.local']);
  expect(map('dns_names').writes - before).toBe(2);
  expect(config().serial).toBe(2);
});

test('a change that is none is not written', async () => {
  const path = fastPath();
  await path.follow(source, settings);
  const before = map('dns_names').writes;
  await path.changed(['a.b.svc.cluster.local']);
  expect(map('dns_names').writes).toBe(before);
});

test('what an earlier process pinned goes on, and what is gone meanwhile goes', async () => {
  await fastPath().follow(source, settings);
  names.delete('a.b.svc.cluster.local');
  const next = fastPath();
  expect(config().enabled).toBe(1);
  await next.follow(source, settings);
  expect(kept()).toEqual(['cluster.local']);
});

test('maps of another size are made anew, and answer once they are filled', async () => {
  await fastPath().follow(source, settings);
  // Programs at pods have it until theirs are replaced.
  const before = map('dns_config');
  const next = fastPath({ dns_names: 99 });
  expect(layouts.dnsConfig.decode(before.lookup(new Uint8Array(4))!).enabled).toBe(0);
  expect(config().enabled).toBe(0);
  await next.follow(source, settings);
  expect(kept()).toHaveLength(2);
});

describe('a map without room', () => {
  test('leaves every question to the server, says why, and is tried again', async () => {
    const path = fastPath({ dns_names: 2 });
    await path.follow(source, settings);
    names.set('c.b.svc.cluster.local', { ips: [] });
    await path.changed(['c.b.svc.cluster.local']);
    expect(path.state()).toMatchObject({ answering: false, reason: expect.stringContaining('dns_names') });
    expect(config().enabled).toBe(0);
    names.delete('a.b.svc.cluster.local');
    await path.changed(['a.b.svc.cluster.local']);
    expect(path.state()).toEqual({ answering: true });
    expect(kept().sort()).toEqual(['c.b.svc.cluster.local', 'cluster.local']);
  });
});

test('answers for a minute more each time it is renewed, and for none where it does not answer', async () => {
  const path = fastPath();
  const left = () => Number(config().until - process.hrtime.bigint()) / 1e6;
  path.renew();
  expect(left()).toBeLessThan(0);
  await path.follow(source, settings);
  expect(left()).toBeGreaterThan(0);
  expect(left()).toBeLessThanOrEqual(60_000);
  const before = config().until;
  path.renew();
  expect(config()).toMatchObject({ enabled: 1, zoneBytes: 15, ttl: 5 });
  expect(config().until).toBeGreaterThan(before);
});

test('tells of answers while somebody waits for them, to one after the other', async () => {
  const path = fastPath();
  await path.follow(source, settings);
  const record = (outcome: number) =>
    layouts.dnsSample.encode({ asker: parseIp('10.244.0.5'), type: 28, outcome, ifindex: 7, time: 9n });
  const records = (...outcomes: number[]) =>
    bpf.records.set('/bpf/node/dns/dns_samples', outcomes.map(record));
  records(1);
  const first = Promise.withResolvers<void>();
  const one = path.sample(100, () => first.promise);
  const other = path.sample(1, async () => void records(3));
  await vi.waitFor(() => expect(config().sampleEvery).toBe(100));
  serial = 2;
  await path.changed([]);
  expect(config()).toMatchObject({ sampleEvery: 100, serial: 2 });
  records(2);
  first.resolve();
  const base = { time: 9n, asker: '10.244.0.5', ifindex: 7, name: '', type: 'AAAA' };
  expect(await one).toEqual([{ ...base, result: 'empty' }]);
  expect(await other).toEqual([{ ...base, result: 'nxdomain' }]);
  expect(config().sampleEvery).toBe(0);
});

test('stop leaves every question to the server until it follows again', async () => {
  const path = fastPath();
  await path.follow(source, settings);
  path.stop('a plugin before kubernetes changes answers');
  expect(config().enabled).toBe(0);
  await path.changed(['a.b.svc.cluster.local']);
  expect(config().enabled).toBe(0);
  expect(path.state()).toEqual({ answering: false, reason: 'a plugin before kubernetes changes answers' });
  await path.follow(source, settings);
  expect(config().enabled).toBe(1);
});

test('a program that cannot be loaded leaves what an earlier process pinned silent', async () => {
  await fastPath().follow(source, settings);
  vi.spyOn(bpf, 'load').mockImplementationOnce(() => {
    throw new Error('refused');
  });
  expect(() => fastPath()).toThrow('refused');
  expect(config().enabled).toBe(0);
});

test('of another zone nothing is denied before it is known', async () => {
  const path = fastPath();
  await path.follow(source, settings);
  const seen: number[] = [];
  const others = {
    names: () => ['other.zone'],
    addresses: (name: string) => {
      seen.push(config().enabled);
      return name === 'other.zone' ? { ips: [] } : undefined;
    },
  };
  await path.follow(others, () => ({ ...settings(), zone: 'other.zone' }));
  expect(new Set(seen)).toEqual(new Set([0]));
  expect(config()).toMatchObject({ enabled: 1, zoneBytes: 12 });
  expect(kept()).toEqual(['other.zone']);
});

test('pods’ interfaces are attached ahead of other programs, and detached', () => {
  const path = fastPath();
  path.attachPod(7);
  expect([...bpf.links.values()]).toEqual([
    { program: 'dns_pod_ingress', at: { type: 'clsact', direction: 'ingress', ifindex: 7, place: 'ahead' } },
  ]);
  path.detachPod(7);
  expect(bpf.links.size).toBe(0);
});

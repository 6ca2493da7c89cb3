import { expect, it, vi } from 'vitest';
import type { TranslatedConnection } from '../linux/conntrack/conntrack.ts';
import { FakeNetwork } from '../linux/netlink/fake-route-netlink.ts';
import { FakeNftables } from '../linux/nftables/fake-nftables.ts';
import { parseIp } from '../net/ip.ts';
import { testService } from '../service/testing-objects.ts';
import { FakeClock } from '../util/clock.ts';
import { silentLogger } from '../util/logger.ts';
import { OtherProxy, servedBy } from './other-proxy.ts';

const connection = (to: string, destinationPort: number, protocol = 6): TranslatedConnection => {
  const tuple = { source: parseIp('10.0.0.9'), protocol, sourcePort: 4000 };
  return {
    original: { ...tuple, destination: parseIp(to), destinationPort },
    reply: { ...tuple, destination: parseIp('10.0.0.9'), destinationPort: 4000 },
  };
};

const web = testService('web', {
  type: 'NodePort',
  clusterIPs: ['10.96.0.9', 'fd00:96::9'],
  externalIPs: ['192.0.2.1'],
  ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }] as never,
});

function proxy() {
  const seen = { connections: [] as TranslatedConnection[], ports: [] as number[], synced: true };
  const network = new FakeNetwork().open();
  const nftables = new FakeNftables();
  let changes = 0;
  const warnings: string[] = [];
  const clock = new FakeClock();
  const other = new OtherProxy({
    kernel: { translated: async () => seen.connections, viaIpvs: () => 3, listening: () => seen.ports },
    nftables,
    netlink: network,
    services: {
      get hasSynced() {
        return seen.synced;
      },
      list: () => [web],
    },
    onChange: () => changes++,
    logger: { ...silentLogger, warn: (text) => warnings.push(text) },
    clock,
  });
  return { other, seen, network, nftables, warnings, clock, changes: () => changes };
}

it('counts what asked for a Service’s address or NodePort, and no host port', () => {
  const isServed = servedBy([web]);
  const asked = (...args: Parameters<typeof connection>) => isServed(connection(...args));
  expect([asked('10.96.0.9', 80), asked('fd00:96::9', 80), asked('192.0.2.1', 80)]).toEqual([
    true,
    true,
    true,
  ]);
  expect([asked('172.20.0.1', 30080), asked('172.20.0.1', 30080, 17)]).toEqual([true, false]);
  expect(asked('172.20.0.1', 8080)).toBe(false);
});

it('takes any translated connection for a Service’s until these are known', async () => {
  const { other, seen, changes } = proxy();
  seen.synced = false;
  seen.connections = [connection('172.20.0.1', 8080)];
  await other.look();
  expect([other.status().connections, changes()]).toEqual([1, 1]);
  seen.synced = true;
  await other.look();
  expect([other.status().connections, changes()]).toEqual([0, 2]);
});

it('sees kube-proxy by its port, and what it leaves by tables, chains and its interface', async () => {
  const { other, seen, network, nftables, warnings } = proxy();
  await other.look();
  expect(other.status()).toEqual({ runs: false, rules: [], connections: 0 });
  seen.ports = [22, 10_249];
  await nftables.apply(undefined, 'table ip kube-proxy { }\ntable ip6 mangle { }\n');
  nftables.described.set('ip6 mangle', [
    { chain: { family: 'ip6', table: 'mangle', name: 'KUBE-PROXY-CANARY', handle: 1 } },
  ]);
  network.addLink({ kind: 'dummy', name: 'kube-ipvs0' });
  await other.look();
  await other.look();
  expect(other.status()).toMatchObject({
    runs: true,
    connections: 3,
    rules: ['table ip kube-proxy', 'chain ip6 mangle KUBE-PROXY-CANARY', 'interface kube-ipvs0'],
  });
  expect(warnings).toHaveLength(1);
});

it('first looks without failing: what it has learned by then counts, and the rest is looked at as soon as it is started', async () => {
  const { other, seen, nftables, warnings, clock, changes } = proxy();
  seen.connections = [connection('10.96.0.9', 80)];
  seen.ports = [10_249];
  const read = vi.spyOn(nftables, 'tables').mockRejectedValue(new Error('no such table'));
  await other.lookFirst();
  expect(other.status()).toEqual({ runs: false, rules: [], connections: 1 });
  expect([changes(), warnings]).toEqual([1, ['cannot see whether another proxy serves the node']]);
  read.mockRestore();
  other.start();
  await clock.advance(1);
  expect(other.status().runs).toBe(true);
  other.stop();
});

it('looks again every minute, until it is stopped', async () => {
  const { other, seen, clock } = proxy();
  other.start();
  seen.ports = [10_249];
  await clock.advance(61_000);
  expect(other.status().runs).toBe(true);
  seen.ports = [];
  other.stop();
  await clock.advance(61_000);
  expect(other.status().runs).toBe(true);
});

/** Pods of bridge and host-local, on a node in memory with the files on a disk. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NodeIpam } from '../../ipam/node-ipam.ts';
import { errno, KernelError } from '../../linux/errno.ts';
import { FakeNetwork, fakeNetns } from '../../linux/netlink/fake-route-netlink.ts';
import type { RouteNetlink } from '../../linux/netlink/route-netlink.ts';
import { FakeNftables } from '../../linux/nftables/fake-nftables.ts';
import { formatCidr, parseCidr } from '../../net/cidr.ts';
import { formatIp, parseIp } from '../../net/ip.ts';
import { silentLogger } from '../../util/logger.ts';
import { FormerNetwork } from './former-network.ts';
import { HostLocal } from './host-local.ts';

let directory: string;
let network: FakeNetwork;
let node: RouteNetlink;
let ipam: NodeIpam;
let nftables: FakeNftables;
let former: FormerNetwork;
const gone = new Set<string>();
const key = (containerId: string) => ({ containerId, ifName: 'eth0' });

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-former-'));
  network = new FakeNetwork();
  node = network.open();
  nftables = new FakeNftables();
  gone.clear();
  await start();
});
afterEach(async () => {
  await ipam.close();
  rmSync(directory, { recursive: true });
});

async function start(): Promise<void> {
  await ipam?.close().catch(() => {});
  ipam = await NodeIpam.open({
    ...{ path: join(directory, 'addresses'), restMs: 0 },
    isTaken: (ip) => former.isTaken(ip),
  });
  ipam.setCidrs(['10.244.1.0/24', 'fd00:244:1::/64'].map((cidr) => parseCidr(cidr)));
  former = new FormerNetwork({
    ...{ ipam, node, nftables, logger: silentLogger },
    files: new HostLocal(join(directory, 'cni')),
    namespaces: {
      open: (path) => {
        if (gone.has(path)) throw new KernelError(errno.ENOENT, 'open network namespace', path);
        return fakeNetns(path);
      },
      netlink: network.open,
    },
  });
}

const networks = (name = 'old') => join(directory, 'cni/networks', name);

function reserve(containerId: string, ips: string[], name = 'old'): void {
  mkdirSync(networks(name), { recursive: true });
  for (const ip of ips) writeFileSync(join(networks(name), ip), `${containerId}\r\neth0`);
}

/** As plugin bridge and host-local leave it. */
function makePod(containerId: string, number: number): RouteNetlink {
  const netns = `/var/run/netns/${containerId}`;
  const ips = [`10.244.1.${number}`, `fd00:244:1::${number}`];
  const gateways = ['10.244.1.1', 'fd00:244:1::1'];
  reserve(containerId, ips);
  mkdirSync(join(directory, 'cni/results'), { recursive: true });
  writeFileSync(
    join(directory, 'cni/results', `old-${containerId}-eth0`),
    JSON.stringify({
      ...{ kind: 'cniCacheV1', containerId, ifName: 'eth0', networkName: 'old', netns },
      cniArgs: [
        ['K8S_POD_NAMESPACE', 'shop'],
        ['K8S_POD_NAME', containerId],
        ['K8S_POD_UID', 'u'],
      ],
      result: {
        interfaces: [{ name: 'cni0' }, { name: `veth${number}` }, { name: 'eth0', sandbox: netns }],
        ips: ips.map((ip, i) => ({ address: ip, gateway: gateways[i], interface: 2 })),
      },
    }),
  );
  let bridge = node.link('cni0');
  if (bridge === undefined) {
    bridge = node.addLink({ kind: 'bridge', name: 'cni0', up: true });
    node.ensureAddress({ link: bridge.index, ip: parseIp('10.244.1.1'), prefix: 24 });
    node.ensureAddress({ link: bridge.index, ip: parseIp('fd00:244:1::1'), prefix: 64, noDad: true });
  }
  const peer = { name: 'eth0', up: true, netns: fakeNetns(netns) };
  node.addLink({ kind: 'veth', name: `veth${number}`, up: true, master: bridge.index, peer });
  const pod = network.open(fakeNetns(netns));
  const link = pod.link('eth0')!.index;
  ips.forEach((ip, i) => {
    const prefix = i === 0 ? 24 : 64;
    pod.ensureAddress({ link, ip: parseIp(ip), prefix, noDad: true });
    const [destination, family] = [
      parseCidr(`${i === 0 ? '10.244.1.0' : 'fd00:244:1::'}/${prefix}`),
      i === 0 ? 4 : 6,
    ];
    const metric = i === 0 ? {} : { metric: 256 };
    pod.ensureRoute({ family: family as 4 | 6, destination, link, protocol: 2, scope: 253, ...metric });
    pod.ensureRoute({ family: family as 4 | 6, gateway: parseIp(gateways[i]!), link });
  });
  return pod;
}

const routes = (pod: RouteNetlink) =>
  pod
    .routes({ table: 254 })
    .filter(({ destination }) => destination && !formatCidr(destination).startsWith('fe80'))
    .map(
      ({ destination, gateway }) =>
        `${formatCidr(destination!)}${gateway ? ` via ${formatIp(gateway)}` : ''}`,
    )
    .sort();

const routed = [
  '10.244.1.0/24 via 10.244.1.1',
  '10.244.1.1/32',
  'fd00:244:1::/64 via fd00:244:1::1',
  'fd00:244:1::1/128',
];

it('takes pods over with their addresses, and has them go by the node to each other', async () => {
  const pod = makePod('a', 7);
  await former.adopt();
  expect(ipam.get(key('a'))).toMatchObject({
    confirmed: true,
    note: { former: 'old', bridge: 'cni0', namespace: 'shop', pod: 'a', uid: 'u', netns: '/var/run/netns/a' },
  });
  expect(routes(pod)).toEqual(routed);
  await former.adopt();
  expect(routes(pod)).toEqual(routed);
  expect(former.status()).toEqual({
    pods: [{ namespace: 'shop', pod: 'a', containerId: 'a', ips: ['10.244.1.7', 'fd00:244:1::7'] }],
    bridges: ['cni0'],
  });
});

it('gives nobody an address that another pod or the bridge has, or that was reserved just now', async () => {
  makePod('a', 2);
  reserve('b', ['10.244.1.3']);
  for (let n = 0; n < 251; n++) {
    const [v4] = (await ipam.allocate(key(`new${n}`))).ips;
    expect(['10.244.1.1', '10.244.1.2', '10.244.1.3']).not.toContain(formatIp(v4!));
  }
  await expect(ipam.allocate(key('more'))).rejects.toThrow('no address is left');
});

it('begins far from where host-local goes on', async () => {
  makePod('a', 7);
  await former.adopt();
  expect((await ipam.allocate(key('new'))).ips.map(formatIp)).toEqual(['10.244.1.135', 'fd00:244:1::8008']);
});

it('leaves networks of other addresses alone', async () => {
  reserve('p', ['10.88.0.4'], 'podman');
  await former.adopt();
  expect(ipam.list()).toEqual([]);
});

it('a DEL takes device, rules and files away, and with the last one the bridge', async () => {
  for (const [name, number] of [
    ['a', 7],
    ['b', 8],
  ] as const)
    makePod(name, number);
  await former.adopt();
  await nftables.apply(undefined, 'table ip cni_hostport { }');
  nftables.described.set('ip cni_hostport', [
    { rule: { family: 'ip', table: 'cni_hostport', chain: 'hostports', handle: 4, comment: 'a', expr: [] } },
    { rule: { family: 'ip', table: 'cni_hostport', chain: 'hostports', handle: 5, comment: 'b', expr: [] } },
  ]);
  let told = 0;
  former.onGone = () => told++;
  await former.remove(ipam.get(key('a'))!);
  expect(nftables.applied.at(-1)?.ruleset).toBe('delete rule ip cni_hostport hostports handle 4\n');
  expect(readdirSync(networks()).sort()).toEqual(['10.244.1.8', 'fd00:244:1::8']);
  expect([node.link('veth7'), node.link('cni0') !== undefined, told]).toEqual([undefined, true, 0]);
  await former.remove(ipam.get(key('b'))!);
  expect([node.link('cni0'), ipam.list(), told]).toEqual([undefined, [], 1]);
  expect(existsSync(join(directory, 'cni/results/old-b-eth0'))).toBe(false);
});

it('a pod whose namespace is gone, or was never known, is removed all the same', async () => {
  makePod('a', 7);
  reserve('b', ['10.244.1.9']);
  await former.adopt();
  gone.add('/var/run/netns/a');
  expect(former.status().pods[1]).toMatchObject({ problem: expect.stringContaining('no result') });
  for (const name of ['a', 'b']) await former.remove(ipam.get(key(name))!);
  expect([ipam.list(), readdirSync(networks())]).toEqual([[], []]);
});

it('learns the rest of a pod whose result came after its address', async () => {
  reserve('a', ['10.244.1.7', 'fd00:244:1::7']);
  await former.adopt();
  expect(ipam.get(key('a'))?.note).toEqual({ former: 'old' });
  makePod('a', 7);
  await former.adopt();
  expect(ipam.get(key('a'))).toMatchObject({ confirmed: true, note: { pod: 'a', bridge: 'cni0' } });
});

it('an agent that starts again finds them, and what was not done', async () => {
  const pod = makePod('a', 7);
  gone.add('/var/run/netns/a');
  await former.adopt();
  expect(former.status().pods[0]?.problem).toContain('/var/run/netns/a');
  gone.clear();
  await start();
  await former.adopt();
  expect(routes(pod)).toEqual(routed);
});

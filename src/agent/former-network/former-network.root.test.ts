/** Pods of a bridge beside routed ones, by the kernel: what adoption changes in the old ones, under a connection that stays. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NodeIpam } from '../../ipam/node-ipam.ts';
import { openRouteNetlink } from '../../linux/netlink/kernel-route-netlink.ts';
import type { RouteNetlink } from '../../linux/netlink/route-netlink.ts';
import { createNetns, deleteNetns, type NetnsHandle, openNetns } from '../../linux/netns/netns.ts';
import { connectTcp, listenTcp } from '../../linux/netns/sockets.ts';
import { nftProgram } from '../../linux/nftables/nft-program.ts';
import { writeSysctl } from '../../linux/sysctl/sysctl.ts';
import { formatCidr, parseCidr } from '../../net/cidr.ts';
import { parseIp } from '../../net/ip.ts';
import { createRoutedInterface } from '../../podnet/interface/routed/apply.ts';
import { ensureOwnCidrs } from '../../podnet/own-cidrs.ts';
import { silentLogger } from '../../util/logger.ts';
import { FormerNetwork } from './former-network.ts';
import { HostLocal } from './host-local.ts';

const cidrs = ['10.244.1.0/24', 'fd00:244:1::/64'].map((cidr) => parseCidr(cidr));
const addresses = {
  old: ['10.244.1.7', 'fd00:244:1::7'],
  other: ['10.244.1.8', 'fd00:244:1::8'],
  fresh: ['10.244.1.99', 'fd00:244:1::99'],
};
const port = 8080;

let directory: string;
let stack: AsyncDisposableStack;
let node: RouteNetlink;
let nodeNetns: NetnsHandle;
const namespaces = new Map<string, NetnsHandle>();
const path = (name: string) => join(directory, name);

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  directory = mkdtempSync(join(tmpdir(), 'tendril-former-'));
  stack.defer(() => rmSync(directory, { recursive: true }));
  for (const name of ['node', 'old', 'other', 'fresh']) {
    createNetns(path(name));
    stack.defer(() => void deleteNetns(path(name)));
    namespaces.set(name, stack.use(openNetns(path(name))));
  }
  nodeNetns = namespaces.get('node')!;
  node = stack.use(openRouteNetlink(nodeNetns));
  writeSysctl(nodeNetns, { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 });
  const { index } = node.addLink({ kind: 'bridge', name: 'cni0', forwardDelay: 0, up: true });
  node.ensureAddress({ link: index, ip: parseIp('10.244.1.1'), prefix: 24 });
  node.ensureAddress({ link: index, ip: parseIp('fd00:244:1::1'), prefix: 64, noDad: true });
  for (const name of ['old', 'other'] as const) plugInto(index, name);
});
afterEach(() => stack.disposeAsync());

/** As the plugins bridge and host-local do. */
function plugInto(bridge: number, name: 'old' | 'other'): void {
  const netns = namespaces.get(name)!;
  node.addLink({ kind: 'veth', name: `v-${name}`, up: true, master: bridge, peer: { name: 'eth0', netns } });
  using pod = openRouteNetlink(netns);
  const link = pod.link('eth0')!.index;
  pod.setLink(link, { up: true });
  const gateways = ['10.244.1.1', 'fd00:244:1::1'].map(parseIp);
  mkdirSync(path('cni/networks/usual'), { recursive: true });
  mkdirSync(path('cni/results'), { recursive: true });
  addresses[name].forEach((ip, i) => {
    pod.ensureAddress({ link, ip: parseIp(ip), prefix: i === 0 ? 24 : 64, noDad: true });
    pod.ensureRoute({ family: i === 0 ? 4 : 6, gateway: gateways[i]!, link });
    writeFileSync(path(`cni/networks/usual/${ip}`), `${name}\r\neth0`);
  });
  const result = {
    ...{ kind: 'cniCacheV1', containerId: name, ifName: 'eth0', networkName: 'usual', netns: path(name) },
    result: { interfaces: [{ name: 'cni0' }, { name: `v-${name}` }, { name: 'eth0', sandbox: path(name) }] },
  };
  writeFileSync(path(`cni/results/usual-${name}-eth0`), JSON.stringify(result));
}

async function openFormer(): Promise<{ former: FormerNetwork; ipam: NodeIpam }> {
  const ipam = await NodeIpam.open({ path: path('addresses') });
  stack.defer(() => ipam.close());
  ipam.setCidrs(cidrs);
  const inNode = {
    tables: () => nftProgram.tables(nodeNetns),
    describe: (_: undefined, table?: string) => nftProgram.describe(nodeNetns, table),
    apply: (_: undefined, text: string) => nftProgram.apply(nodeNetns, text),
  };
  const former = new FormerNetwork({
    ...{ ipam, node, nftables: inNode as never, logger: silentLogger },
    files: new HostLocal(path('cni')),
    namespaces: { open: openNetns, netlink: openRouteNetlink },
  });
  return { former, ipam };
}

async function serve(name: string): Promise<Server[]> {
  const servers = ['0.0.0.0', '::'].map((ip) =>
    createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen({
      fd: listenTcp(namespaces.get(name)!, { ip: parseIp(ip), port: ip === '::' ? port + 1 : port }),
    }),
  );
  stack.defer(() => {
    for (const server of servers) server.close();
  });
  return servers;
}

async function open(from: string, ip: string): Promise<Socket> {
  const to = ip.includes(':') ? port + 1 : port;
  const socket = await connectTcp(namespaces.get(from)!, { ip: parseIp(ip), port: to, timeoutMs: 20_000 });
  stack.defer(() => void socket.destroy());
  return socket;
}

async function echoes(socket: Socket): Promise<boolean> {
  socket.write('x');
  const [bytes] = await once(socket, 'data');
  return String(bytes) === 'x';
}

test('old pods and new ones reach each other, what was connected stays so, and the bridge goes with the last old one', async () => {
  for (const name of ['old', 'other', 'fresh']) await serve(name);
  const staying = await Promise.all(addresses.other.map((ip) => open('old', ip)));
  const { former, ipam } = await openFormer();
  await former.adopt();
  expect(former.status().pods.map(({ problem }) => problem)).toEqual([undefined, undefined]);

  const routed = createRoutedInterface({
    node,
    situation: () => ({ mtu: 1500, sources: [], ipv6: true }),
    namespaces: {
      open: openNetns,
      netlink: openRouteNetlink,
      sysctl: (netns, values) => writeSysctl(netns ?? nodeNetns, values),
    },
  });
  routed.add({
    containerId: 'fresh',
    ifName: 'eth0',
    netns: path('fresh'),
    ips: addresses.fresh.map(parseIp),
  });
  ensureOwnCidrs(node, cidrs);

  for (const ip of addresses.fresh) expect(await echoes(await open('old', ip))).toBe(true);
  for (const ip of addresses.old) expect(await echoes(await open('fresh', ip))).toBe(true);
  for (const ip of addresses.other) expect(await echoes(await open('old', ip))).toBe(true);
  for (const socket of staying) expect(await echoes(socket)).toBe(true);

  let gone = 0;
  former.onGone = () => gone++;
  for (const name of ['old', 'other']) await former.remove(ipam.get({ containerId: name, ifName: 'eth0' })!);
  expect([node.link('cni0'), gone, ipam.list()]).toEqual([undefined, 1, []]);
  ensureOwnCidrs(node, cidrs);
  const unreachable = node.routes({ table: 254 }).filter(({ type }) => type === 'unreachable');
  expect(unreachable.map(({ destination }) => formatCidr(destination!))).toEqual(cidrs.map(formatCidr));
});

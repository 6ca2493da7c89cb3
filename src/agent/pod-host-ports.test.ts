/** A pod's host ports by its CNI calls: open with ADD, known after a restart, gone with DEL. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NodeIpam } from '../ipam/node-ipam.ts';
import { FakeNetwork, fakeNetns } from '../linux/netlink/fake-route-netlink.ts';
import { parseCidr } from '../net/cidr.ts';
import { formatIp } from '../net/ip.ts';
import { createRoutedInterface } from '../podnet/interface/routed/apply.ts';
import { TendrilError } from '../util/errors.ts';
import { silentLogger } from '../util/logger.ts';
import { PodNetwork } from './pod-network.ts';
import { FakeServiceProxy } from './testing/fake-service-proxy.ts';

let directory: string;
let network: FakeNetwork;
let ipam: NodeIpam;
let proxy: FakeServiceProxy;
let pods: PodNetwork;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-host-ports-'));
  network = new FakeNetwork();
  await startAgent();
});
afterEach(async () => {
  await ipam.close();
  rmSync(directory, { recursive: true });
});

/** Of the datapath nothing is remembered but by the store. */
async function startAgent(): Promise<void> {
  await ipam?.close().catch(() => {});
  ipam = await NodeIpam.open({ path: join(directory, 'addresses') });
  ipam.setCidrs([parseCidr('10.244.1.0/24')]);
  proxy = new FakeServiceProxy();
  pods = new PodNetwork({
    podInterface: createRoutedInterface({
      node: network.open(),
      situation: () => ({ mtu: 1500, sources: [], ipv6: true }),
      namespaces: { open: fakeNetns, netlink: network.open, sysctl: () => {} },
    }),
    ...{ ipam, datapath: proxy, hostPorts: proxy.hostPorts, logger: silentLogger },
    netnsCookie: () => 1n,
    notReady: () => undefined,
  });
}

const request = (hostPort?: number) => ({
  containerId: 'a',
  ifName: 'eth0',
  netns: '/run/netns/a',
  pod: { namespace: 'shop', name: 'web', uid: 'u' },
  runtimeConfig:
    hostPort === undefined
      ? {}
      : { portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp', hostIP: '' }] },
});
const open = () =>
  [...proxy.openPorts.values()].map(({ name, ips, ports }) => [
    name,
    ips.map(formatIp).join(),
    ports.map(({ hostPort }) => hostPort).join(),
  ]);

it('are open when ADD answers, and closed by DEL', async () => {
  await pods.add(request(8080));
  expect(open()).toEqual([['shop/web', '10.244.1.1', '8080']]);
  await pods.del(request());
  expect(open()).toEqual([]);
});

it('are opened again by a new agent, before it looks at the pods', async () => {
  await pods.add(request(8080));
  await startAgent();
  pods.openHostPorts();
  expect(open()).toEqual([['shop/web', '10.244.1.1', '8080']]);
  await pods.recover();
  expect(open()).toEqual([['shop/web', '10.244.1.1', '8080']]);
});

it('stay as they are with the same ADD again, and change with another', async () => {
  const first = await pods.add(request(8080));
  expect(await pods.add(request(8080))).toEqual(first);
  await pods.add(request(8081));
  expect(open()).toEqual([['shop/web', '10.244.1.1', '8081']]);
  await pods.add(request());
  expect(open()).toEqual([]);
  expect(ipam.list()).toHaveLength(1);
});

it('without room fail the ADD, and nothing of the pod is left', async () => {
  proxy.hostPorts.open = () => {
    throw new TendrilError('MAP_FULL', 'no room');
  };
  await expect(pods.add(request(8080))).rejects.toThrow('no room');
  expect([ipam.list().length, proxy.pods.size, proxy.openPorts.size]).toEqual([0, 0, 0]);
});

it('that are no ports fail the ADD before anything is made', async () => {
  await expect(pods.add(request(0))).rejects.toMatchObject({ cniCode: 7 });
  expect(ipam.list()).toEqual([]);
});

it('are checked: those of the call, and in the datapath', async () => {
  await pods.add(request(8080));
  await expect(pods.check(request(8080), undefined)).resolves.toBeUndefined();
  await expect(pods.check(request(), undefined)).resolves.toBeUndefined();
  await expect(pods.check(request(8081), undefined)).rejects.toThrow(
    'its host ports are not those of the call',
  );
  proxy.openPorts.clear();
  await expect(pods.check(request(8080), undefined)).rejects.toThrow('its host ports are not open');
});

it('of a pod that the runtime does not know go with it', async () => {
  await pods.add(request(8080));
  await pods.gc([]);
  expect(open()).toEqual([]);
});

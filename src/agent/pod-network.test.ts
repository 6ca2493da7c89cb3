/** A pod's ADD and DEL over a network in memory: what each failure leaves, and what a restart finds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Allocation, NodeIpam } from '../ipam/node-ipam.ts';
import { FakeNetwork, fakeNetns } from '../linux/netlink/fake-route-netlink.ts';
import type { RouteNetlink } from '../linux/netlink/route-netlink.ts';
import { parseCidr } from '../net/cidr.ts';
import { formatIp } from '../net/ip.ts';
import { createRoutedInterface } from '../podnet/interface/routed/apply.ts';
import { TendrilError } from '../util/errors.ts';
import { silentLogger } from '../util/logger.ts';
import { PodNetwork } from './pod-network.ts';
import { FakeServiceProxy } from './testing/fake-service-proxy.ts';

let directory: string;
let network: FakeNetwork;
let node: RouteNetlink;
let ipam: NodeIpam;
let proxy: FakeServiceProxy;
let published: Map<string, string[]>;
let notReady: string | undefined;
let held: string | undefined;
let pods: PodNetwork;
/** What was asked of policies: of which pod, how many interfaces there were then; and each refresh. */
let asked: (string | number)[][];
let policyProblem: Error | undefined;
/** Of another plugin: the first is known, the others are found when somebody looks. */
let former: { found: string[]; removed: string[] };

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-pods-'));
  network = new FakeNetwork();
  node = network.open();
  published = new Map();
  notReady = undefined;
  held = undefined;
  asked = [];
  policyProblem = undefined;
  former = { found: [], removed: [] };
  await startAgent();
});
afterEach(async () => {
  await ipam.close();
  rmSync(directory, { recursive: true });
});

const cookieOf = (path: string) => BigInt(`0x${Buffer.from(path.slice(-2)).toString('hex')}`);

/** What survives an agent is the disk and the kernel; programs are attached anew. */
async function startAgent(): Promise<void> {
  await ipam?.close().catch(() => {});
  ipam = await NodeIpam.open({ path: join(directory, 'addresses') });
  ipam.setCidrs(['10.244.1.0/24', 'fd00:244:1::/64'].map((cidr) => parseCidr(cidr)));
  proxy = new FakeServiceProxy();
  const publisher = {
    publish: async ({ containerId, ips }: Allocation) => void published.set(containerId, ips.map(formatIp)),
    withdraw: async ({ containerId }: Allocation) => void published.delete(containerId),
  };
  const podInterface = createRoutedInterface({
    node,
    situation: () => ({ mtu: 1500, sources: [], ipv6: true }),
    namespaces: { open: fakeNetns, netlink: network.open, sysctl: () => {} },
  });
  pods = new PodNetwork({
    ...{ ipam, podInterface, publisher, logger: silentLogger },
    datapath: proxy,
    hostPorts: proxy.hostPorts,
    netnsCookie: cookieOf,
    notReady: () => notReady,
    held: () => held,
    policies: {
      admit: async ({ containerId }) => {
        asked.push(['admit', containerId, veths()]);
        if (policyProblem) throw policyProblem;
      },
      refresh: () => void asked.push(['refresh', ipam.list().length]),
    },
    former: {
      adopt: async () => {
        for (const id of former.found)
          await ipam.adopt({ containerId: id, ifName: 'eth0' }, { ips: [], note: { former: 'old' } });
      },
      has: ({ note }) => note.former !== undefined,
      remove: async (allocation) => {
        former.removed.push(allocation.containerId);
        await ipam.release(allocation);
      },
    },
  });
}

const request = (containerId: string) => ({
  containerId,
  ifName: 'eth0',
  netns: `/run/netns/${containerId}`,
  pod: { namespace: 'shop', name: containerId, uid: 'u' },
  runtimeConfig: {},
});
const veths = () => node.links().filter(({ kind }) => kind === 'veth').length;
/** Everything that a pod may leave: address, devices, programs, published addresses. */
const remains = () => [ipam.list().length, veths(), proxy.pods.size, published.size];

it('wires no pod while they are held back, and unwires and is well as ever', async () => {
  await pods.add(request('a'));
  held = 'Tendril is being removed';
  await expect(pods.add(request('b'))).rejects.toMatchObject({ cniCode: 11, message: held });
  await pods.status();
  await pods.del(request('a'));
  expect(remains()).toEqual([0, 0, 0, 0]);
});

it('tells the datapath which namespace is the pod’s, on ADD and after a restart', async () => {
  const cookies = () => [...proxy.pods.values()].map(({ netnsCookie }) => netnsCookie);
  await pods.add(request('a'));
  expect(cookies()).toEqual([cookieOf('/run/netns/a')]);
  await startAgent();
  await pods.recover();
  expect(cookies()).toEqual([cookieOf('/run/netns/a')]);
});

describe('policies', () => {
  it('are in force before the pod has an interface, and are told when its address is free', async () => {
    await pods.add(request('a'));
    expect(asked).toEqual([['admit', 'a', 0]]);
    await pods.del(request('a'));
    expect(asked.at(-1)).toEqual(['refresh', 0]);
  });

  it('that cannot be in force leave nothing of the pod', async () => {
    policyProblem = new TendrilError('POLICY_UNKNOWN', 'not in force');
    await expect(pods.add(request('a'))).rejects.toBe(policyProblem);
    expect(remains()).toEqual([0, 0, 0, 0]);
    expect(asked).toEqual([
      ['admit', 'a', 0],
      ['refresh', 0],
    ]);
  });
});

describe('ADD', () => {
  it('answers with devices, addresses and routes, and has told everyone by then', async () => {
    const result = await pods.add(request('a'));
    expect(result).toMatchObject({
      interfaces: [
        { name: expect.stringMatching(/^tdl/) },
        { name: 'eth0', sandbox: '/run/netns/a', mtu: 1500 },
      ],
      ips: [
        { address: '10.244.1.1/32', gateway: '169.254.1.1', interface: 1 },
        { address: 'fd00:244:1::1/128', gateway: 'fe80::1', interface: 1 },
      ],
      routes: [
        { dst: '0.0.0.0/0', gw: '169.254.1.1' },
        { dst: '::/0', gw: 'fe80::1' },
      ],
    });
    expect(remains()).toEqual([1, 1, 1, 1]);
    expect(ipam.get(request('a'))).toMatchObject({
      confirmed: true,
      note: { namespace: 'shop', pod: 'a', uid: 'u' },
    });
  });

  it.each([
    ['the programs do not attach', () => (proxy.onAttach = fail)],
    ['the address cannot be published', () => (published.set = fail as never)],
  ])('leaves nothing when %s', async (_, breakIt) => {
    breakIt();
    await expect(pods.add(request('a'))).rejects.toThrow('broken');
    expect(remains()).toEqual([0, 0, 0, 0]);
  });

  it.each([
    ['the first time', () => {}],
    ['again', () => pods.add(request('a'))],
    ['for what is broken', () => pods.add(request('a')).then(unplug)],
  ])('%s attaches programs while the device is down, or where it has them', async (_, before) => {
    await before();
    const seen: [up: boolean, attached: boolean][] = [];
    proxy.onAttach = ({ ifindex }) => void seen.push([node.link(ifindex)!.up, proxy.pods.has(ifindex)]);
    await pods.add(request('a'));
    expect(seen).toHaveLength(1);
    const [up, attached] = seen[0]!;
    expect(up).toBe(attached);
  });

  it('that comes again gives back the programs that somebody took', async () => {
    const first = await pods.add(request('a'));
    proxy.pods.clear();
    expect(await pods.add(request('a'))).toEqual(first);
    expect(remains()).toEqual([1, 1, 1, 1]);
  });

  it('waits until the node is ready, and DEL does not', async () => {
    notReady = 'not yet';
    await expect(pods.add(request('a'))).rejects.toMatchObject({ cniCode: 11, message: 'not yet' });
    await expect(pods.status()).rejects.toMatchObject({ cniCode: 50 });
    await pods.del(request('a'));
  });

  it('of a container in another namespace than before makes it anew, with the same addresses', async () => {
    const { ips } = await pods.add(request('a'));
    const moved = await pods.add({ ...request('a'), netns: '/run/netns/elsewhere' });
    expect(moved.ips).toEqual(ips);
    expect(remains()).toEqual([1, 1, 1, 1]);
  });
});

describe('CHECK', () => {
  it('is content with what ADD made', async () => {
    await pods.check(request('a'), await pods.add(request('a')));
  });

  it('compares with what the runtime remembers', async () => {
    const result = await pods.add(request('a'));
    const ips = [{ ...result.ips![0]!, address: '10.9.9.9/32' }];
    await expect(pods.check(request('a'), { ...result, ips })).rejects.toMatchObject({
      cniCode: 101,
      message: "10.9.9.9/32 is not the pod's",
    });
  });
});

it('DEL of a pod whose namespace took the device along leaves nothing of it in the datapath either', async () => {
  await pods.add(request('a'));
  const [device] = node.links().filter(({ kind }) => kind === 'veth');
  node.deleteLink(device!.index);
  expect(remains()).toEqual([1, 0, 1, 1]);
  await pods.del(request('a'));
  expect(remains()).toEqual([0, 0, 0, 0]);
});

it('GC removes what the runtime does not know', async () => {
  for (const id of ['a', 'b', 'c']) await pods.add(request(id));
  await pods.gc([request('b')]);
  expect(ipam.list().map(({ containerId }) => containerId)).toEqual(['b']);
  expect(remains()).toEqual([1, 1, 1, 1]);
});

describe('a new agent', () => {
  it('takes over the pods there are', async () => {
    const before = await pods.add(request('a'));
    await startAgent();
    expect(await pods.recover()).toEqual({ kept: 1, removed: 0 });
    expect(proxy.pods.size).toBe(1);
    expect(await pods.add(request('a'))).toEqual(before);
  });

  it('removes an ADD that was cut off, whose runtime was never answered', async () => {
    await pods.add(request('a'));
    // A kill right before the attachment is confirmed.
    ipam.confirm = async () => new Promise(() => {});
    void pods.add(request('cut'));
    await expect.poll(() => published.has('cut')).toBe(true);
    await startAgent();
    expect(await pods.recover()).toEqual({ kept: 1, removed: 1 });
    expect(remains()).toEqual([1, 1, 1, 1]);
  });

  it('leaves a pod that a DEL takes meanwhile to the DEL', async () => {
    await pods.add(request('a'));
    await startAgent();
    proxy.onAttach = ({ ifindex }) => {
      node.deleteLink(ifindex);
      throw new Error('no such device');
    };
    expect(await pods.recover()).toEqual({ kept: 0, removed: 1 });
    expect(remains()).toEqual([0, 0, 0, 0]);
  });

  it('gives back the addresses of pods that a reboot took', async () => {
    await pods.add(request('a'));
    network = new FakeNetwork();
    node = network.open();
    await startAgent();
    expect(await pods.recover()).toEqual({ kept: 0, removed: 1 });
  });

  it('removes devices that no address belongs to', async () => {
    await pods.add(request('a'));
    node.addLink({ kind: 'veth', name: 'tdl0123456789a', peer: { name: 'x' } });
    node.addLink({ kind: 'veth', name: 'other', peer: { name: 'y' } });
    await pods.recover();
    const names = node.links().map(({ name }) => name);
    expect(names).not.toContain('tdl0123456789a');
    expect(names).toContain('other');
  });
});

function unplug(): void {
  using pod = network.open(fakeNetns('/run/netns/a'));
  pod.setLink(pod.link('eth0')!.index, { up: false });
}

function fail(): never {
  throw new Error('broken');
}

describe('a pod of another plugin', () => {
  it('stays as it is until its DEL, through starts of the agent and GC', async () => {
    former.found = ['old'];
    await pods.add(request('a'));
    await startAgent();
    expect(await pods.recover()).toEqual({ kept: 2, removed: 0 });
    await pods.check(request('old'), undefined);
    await pods.gc([request('a'), request('old')]);
    expect(former.removed).toEqual([]);
    former.found = [];
    await pods.del(request('old'));
    expect([former.removed, ipam.list().length]).toEqual([['old'], 1]);
  });

  it('is removed by a DEL that is the first to hear of it', async () => {
    former.found = ['old'];
    await pods.del(request('old'));
    expect(former.removed).toEqual(['old']);
  });

  it('that the runtime forgot goes with its next GC', async () => {
    former.found = ['old'];
    await pods.add(request('a'));
    await pods.gc([request('a')]);
    expect(former.removed).toEqual(['old']);
  });
});

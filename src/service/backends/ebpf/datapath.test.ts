import { expect, it } from 'vitest';
import type { AttachPoint } from '../../../linux/bpf/bpf.ts';
import type { FakeBpf } from '../../../linux/bpf/fake-bpf.ts';
import { formatIp, parseIp } from '../../../net/ip.ts';
import { layouts } from './generated/layouts.ts';
import { testDatapath } from './testing-datapath.ts';

const pod = { ifindex: 9, ips: [parseIp('10.244.1.2')], mac: Uint8Array.of(2, 0, 0, 0, 0, 9) };

/** `type ifindex direction` of what is detached from now on. */
function recordDetached(bpf: FakeBpf): string[] {
  const detached: string[] = [];
  const detach = bpf.detach.bind(bpf);
  bpf.detach = (pin: string, at?: AttachPoint) => {
    if (at !== undefined && at.type !== 'cgroup' && at.type !== 'xdp')
      detached.push(`${at.type} ${at.ifindex} ${at.direction}`);
    return detach(pin);
  };
  return detached;
}

/** A filter has no pin: it stays for ever where nobody asks for its removal by interface. */
it('clear detaches pods and both sides of the uplink by interface, also of an earlier process', () => {
  const { bpf, datapath } = testDatapath();
  datapath.attachNode();
  datapath.attachPod(pod);
  datapath.close();
  const detached = recordDetached(bpf);
  datapath.clear();
  expect(detached).toEqual(['clsact 9 ingress', 'clsact 9 egress', 'tcx 2 ingress', 'tcx 2 egress']);
  expect([bpf.links.size, bpf.maps.size]).toEqual([0, 0]);
});

it('another uplink takes the programs from the one before, and the same keeps them', () => {
  const { bpf, datapath } = testDatapath();
  const detached = recordDetached(bpf);
  datapath.configure([]);
  datapath.attachNode();
  testDatapath({ bpf }).datapath.configure([]);
  expect(detached).toEqual([]);
  testDatapath({ bpf, uplinkIfindex: 3 }).datapath.configure([]);
  expect(detached).toEqual(['tcx 2 ingress', 'tcx 2 egress']);
});

/** Cookie of each namespace that is a pod's, and the interface index of the pod. */
function podsByNetns({ map }: ReturnType<typeof testDatapath>): [bigint, number][] {
  return [...map('pods').entries()].map(([key, value]) => [
    Buffer.from(key).readBigUInt64LE(),
    layouts.pod.decode(value).ifindex,
  ]);
}

it('knows a pod by its namespace from ADD to DEL, also of an earlier process', () => {
  const first = testDatapath();
  first.datapath.attachPod({ ...pod, ips: [...pod.ips, parseIp('fd00:244:1::2')], netnsCookie: 77n });
  expect(podsByNetns(first)).toEqual([[77n, 9]]);
  const entry = layouts.pod.decode(first.map('pods').lookup(Buffer.from(BigUint64Array.of(77n).buffer))!);
  expect([entry.v4, entry.v6].map(formatIp)).toEqual(['10.244.1.2', 'fd00:244:1::2']);
  const second = testDatapath({ bpf: first.bpf });
  second.datapath.attachPod({ ...pod, netnsCookie: 77n });
  expect(podsByNetns(second)).toEqual([[77n, 9]]);
  expect([...second.map('pod_addresses').entries()]).toHaveLength(1);
  second.datapath.detachPod(9);
  expect([podsByNetns(second), [...second.map('pod_addresses').entries()]]).toEqual([[], []]);
});

it('leaves a namespace to the attachment that has it now, and forgets one that an interface had before', () => {
  const rig = testDatapath();
  rig.datapath.attachPod({ ...pod, netnsCookie: 77n });
  rig.datapath.attachPod({ ...pod, ifindex: 10, netnsCookie: 77n });
  rig.datapath.detachPod(9);
  expect(podsByNetns(rig)).toEqual([[77n, 10]]);
  rig.datapath.attachPod({ ...pod, ifindex: 10, netnsCookie: 78n });
  expect(podsByNetns(rig)).toEqual([[78n, 10]]);
  rig.datapath.attachPod({ ...pod, ifindex: 10 });
  expect(podsByNetns(rig)).toEqual([]);
});

it('leaves an address to the pod that has it now', () => {
  const rig = testDatapath();
  const owners = () =>
    [...rig.map('pod_addresses').entries()].map(([, cookie]) => Buffer.from(cookie).readBigUInt64LE());
  rig.datapath.attachPod({ ...pod, netnsCookie: 77n });
  rig.datapath.attachPod({ ...pod, ifindex: 10, netnsCookie: 78n });
  rig.datapath.detachPod(9);
  expect(owners()).toEqual([78n]);
  rig.datapath.detachPod(10);
  expect(owners()).toEqual([]);
});

it('knows the way into a pod by each of its addresses, until the pod has it no more or another one has it', () => {
  const rig = testDatapath();
  const link = { hostMac: Uint8Array.of(2, 0, 0, 0, 0, 1), mtu: 1400 };
  const [v4, v6] = [parseIp('10.244.1.2'), parseIp('fd00:244:1::2')];
  const links = () =>
    [...rig.map('pod_links').entries()].map(([key, value]) => {
      const { ifindex, mtu, mac, hostMac } = layouts.podLink.decode(value);
      const ends = [mac, hostMac].map((end) => end.at(-1));
      return [formatIp(layouts.podAddress.decode(key).addr), ifindex, mtu, ...ends].join(' ');
    });
  rig.datapath.attachPod({ ...pod, ips: [v4, v6], link });
  expect(links()).toEqual(['10.244.1.2 9 1400 9 1', 'fd00:244:1::2 9 1400 9 1']);
  rig.datapath.attachPod({ ...pod, ips: [v6], link });
  expect(links()).toEqual(['fd00:244:1::2 9 1400 9 1']);
  rig.datapath.attachPod({ ...pod, ifindex: 10, ips: [v6], link });
  rig.datapath.detachPod(9);
  expect(links()).toEqual(['fd00:244:1::2 10 1400 9 1']);
  rig.datapath.attachPod({ ...pod, ifindex: 10, ips: [v6] });
  expect(links()).toEqual([]);
});

it('lets go of a pod by its addresses, and of links that no attached pod has', () => {
  const rig = testDatapath();
  const [one, other] = [parseIp('10.244.1.2'), parseIp('10.244.1.3')];
  const link = { hostMac: Uint8Array.of(2, 0, 0, 0, 0, 1), mtu: 1400 };
  rig.datapath.attachPod({ ...pod, ips: [one], link });
  rig.datapath.attachPod({ ...pod, ifindex: 10, ips: [other], link });
  const known = () => [rig.datapath.pods(), [...rig.map('pod_links').entries()].length];
  rig.datapath.detachPodOf([one]);
  expect(known()).toEqual([[10], 1]);
  const orphan = layouts.podLink.encode({ ifindex: 7, mac: pod.mac, ...link });
  rig.map('pod_links').update(layouts.podAddress.encode({ addr: one }), orphan);
  rig.datapath.retainPods([10]);
  expect(known()).toEqual([[10], 1]);
  rig.datapath.retainPods([]);
  expect(known()).toEqual([[], 0]);
});

it.each([
  [undefined, 1],
  ['direct', 1],
  ['stack', 0],
] as const)('with %s as the way into pods, packets pass the stack: %i', (podForwarding, pastStack) => {
  const rig = testDatapath(podForwarding && { podForwarding });
  rig.datapath.configure([]);
  const config = layouts.nodeConfig.decode(rig.map('node_config').lookup(new Uint8Array(4))!);
  expect(config.pastStack).toBe(pastStack);
});

it('leaves connections that another proxy began to the kernel for as long as there are any', () => {
  let there = true;
  const { datapath, map } = testDatapath({ earlierConnections: () => there });
  const earlier = () => {
    datapath.configure([]);
    return layouts.nodeConfig.decode(map('node_config').lookup(new Uint8Array(4))!).earlier;
  };
  expect(earlier()).toBe(1);
  there = false;
  expect(earlier()).toBe(0);
});

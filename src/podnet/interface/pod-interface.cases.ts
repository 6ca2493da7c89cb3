/** What every PodInterface must do, against a network in memory or the kernel's. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RouteNetlink } from '../../linux/netlink/route-netlink.ts';
import { formatIp, parseIp } from '../../net/ip.ts';
import type { PodInterface, PodInterfaceSpec } from './pod-interface.ts';

export interface PodInterfaceSetup {
  podInterface: PodInterface;
  /** Of the node. */
  node: RouteNetlink;
  /** Paths of two empty pods' namespaces. */
  pods: [string, string];
  /** In the namespace at the path. */
  openPod(path: string): RouteNetlink;
  tearDown(): void;
}

const specOf = (n: number, netns: string): PodInterfaceSpec => ({
  containerId: `container-${n}`,
  ifName: 'eth0',
  netns,
  ips: [parseIp(`10.244.1.${n}`), parseIp(`fd00:10:244:1::${n}`)],
});

export function describePodInterface(name: string, setUp: () => PodInterfaceSetup): void {
  describe(`a pod's interface: ${name}`, () => {
    let setup: PodInterfaceSetup;
    let first: PodInterfaceSpec;
    let second: PodInterfaceSpec;

    beforeEach(() => {
      setup = setUp();
      first = specOf(1, setup.pods[0]);
      second = specOf(2, setup.pods[1]);
    });
    afterEach(() => setup.tearDown());

    const namesOf = (netlink: RouteNetlink) => netlink.links().map(({ name }) => name);

    it('is up in the pod with its addresses, and told about rightly', () => {
      const link = setup.podInterface.add(first);
      using pod = setup.openPod(first.netns);
      const eth0 = pod.link('eth0')!;
      expect([eth0.up, eth0.mtu]).toEqual([true, link.mtu]);
      const addresses = pod.addresses({ link: eth0.index }).map(({ ip }) => formatIp(ip));
      expect(addresses).toEqual(expect.arrayContaining(first.ips.map(formatIp)));
      expect(setup.node.link(link.host.name)).toMatchObject({ index: link.host.ifindex, up: true });
      expect(setup.podInterface.find(first)).toBe(link.host.ifindex);
      expect(setup.podInterface.check(first)).toEqual({ link, problems: [] });
    });

    it('is down at both ends while what must be in force first is made so, and leaves nothing when that fails', () => {
      const before = namesOf(setup.node);
      const stop = () => {
        setup.podInterface.add(first, (link) => {
          using pod = setup.openPod(first.netns);
          expect(setup.node.link(link.host.name)).toMatchObject({ index: link.host.ifindex, up: false });
          expect(pod.link('eth0')).toMatchObject({ mac: link.pod.mac, up: false });
          throw new Error('no programs');
        });
      };
      expect(stop).toThrow('no programs');
      expect(namesOf(setup.node)).toEqual(before);
    });

    it('leaves nothing on the node when it is deleted, twice over', async () => {
      const before = [namesOf(setup.node), setup.node.routes({ table: 254 })];
      const { host } = setup.podInterface.add(first);
      expect(await setup.podInterface.del(first)).toBe(host.ifindex);
      expect(await setup.podInterface.del(first)).toBeUndefined();
      expect([namesOf(setup.node), setup.node.routes({ table: 254 })]).toEqual(before);
      expect(setup.podInterface.find(first)).toBeUndefined();
      expect(setup.podInterface.check(first).link).toBeUndefined();
    });

    it('is made anew over what an interrupted add left', () => {
      const before = setup.podInterface.add({ ...first, ips: [first.ips[0]!] });
      setup.podInterface.add(first, ({ host }) => {
        using pod = setup.openPod(first.netns);
        expect(setup.node.link(before.host.ifindex)).toBeUndefined();
        expect([setup.node.link(host.ifindex)!.up, pod.link('eth0')!.up]).toEqual([false, false]);
      });
      expect(setup.podInterface.check(first).problems).toEqual([]);
    });

    it('is not made where the name is taken, and nothing is left of the attempt', () => {
      using pod = setup.openPod(first.netns);
      pod.addLink({ kind: 'bridge', name: 'eth0' });
      const before = namesOf(setup.node);
      expect(() => setup.podInterface.add(first)).toThrow('exists');
      expect(namesOf(setup.node)).toEqual(before);
      expect(pod.link('eth0')!.kind).toBe('bridge');
    });

    it('tells what is wrong with it', () => {
      setup.podInterface.add(first);
      using pod = setup.openPod(first.netns);
      const { index } = pod.link('eth0')!;
      pod.deleteAddress({ link: index, ip: first.ips[1]!, prefix: 128 });
      expect(setup.podInterface.check(first).problems).toContain('eth0 lacks the address fd00:10:244:1::1');
      pod.setLink(index, { up: false });
      expect(setup.podInterface.check(first).problems).toContain('eth0 is down');
    });

    it('is removed when it belongs to nobody, and only then', async () => {
      const kept = setup.podInterface.add(first);
      const left = setup.podInterface.add(second);
      expect(await setup.podInterface.retain([first])).toEqual([left.host.name]);
      expect(setup.podInterface.check(first)).toEqual({ link: kept, problems: [] });
      expect(setup.podInterface.find(second)).toBeUndefined();
    });
  });
}

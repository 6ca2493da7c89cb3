/** What every NodeBackend must do. A test of packets belongs to each backend; here is what they share. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RouteNetlink } from '../../linux/netlink/route-netlink.ts';
import { parseCidr } from '../../net/cidr.ts';
import { parseIp } from '../../net/ip.ts';
import type { ClusterNode, NodeBackend } from './node-backend.ts';

export interface NodeBackendSetup {
  backend: NodeBackend;
  /** Of this node, whose uplink is in 172.20.0.0/16 and fd00:20::/64. */
  netlink: RouteNetlink;
  tearDown(): void;
}

const otherNode = (n: number): ClusterNode => ({
  name: `node-${n}`,
  podCidrs: [parseCidr(`10.244.${n}.0/24`), parseCidr(`fd00:244:${n}::/64`)],
  internalIps: [parseIp(`172.20.0.${n}`), parseIp(`fd00:20::${n}`)],
});
const otherNodes: [ClusterNode, ClusterNode] = [otherNode(2), otherNode(3)];

export function describeNodeBackend(name: string, setUp: () => NodeBackendSetup): void {
  describe(`a way to other nodes' pods: ${name}`, () => {
    let setup: NodeBackendSetup;
    beforeEach(() => {
      setup = setUp();
    });
    afterEach(() => setup.tearDown());

    const reached = (...ips: string[]) =>
      ips.map((ip) => setup.netlink.lookupRoute(parseIp(ip)) !== undefined);
    const podsOf = (n: number) => [`10.244.${n}.7`, `fd00:244:${n}::7`];

    it('works here', () => setup.backend.probe());

    it('reaches the pods of every node, in both families', async () => {
      expect(reached(...podsOf(2), ...podsOf(3))).toEqual([false, false, false, false]);
      const { problems } = await setup.backend.sync(otherNodes);
      expect(problems).toEqual([]);
      expect(reached(...podsOf(2), ...podsOf(3))).toEqual([true, true, true, true]);
    });

    it('changes nothing the second time', async () => {
      await setup.backend.sync(otherNodes);
      expect(await setup.backend.sync(otherNodes)).toEqual({ changed: 0, problems: [] });
    });

    it('forgets a node that is gone, also one that an earlier process knew', async () => {
      await setup.backend.sync(otherNodes);
      await setup.backend.sync([otherNodes[0]]);
      expect(reached(...podsOf(2), ...podsOf(3))).toEqual([true, true, false, false]);
    });

    it('mends what somebody removed', async () => {
      await setup.backend.sync(otherNodes);
      for (const route of setup.netlink.routes({ protocol: 84 })) setup.netlink.deleteRoute(route);
      expect((await setup.backend.sync(otherNodes)).changed).toBeGreaterThan(0);
      expect(reached(...podsOf(3))).toEqual([true, true]);
    });

    it('reports a node without an address, and serves the others', async () => {
      const { problems } = await setup.backend.sync([{ ...otherNodes[0], internalIps: [] }, otherNodes[1]]);
      expect(problems.map(({ node }) => node)).toEqual(['node-2', 'node-2']);
      expect(reached(...podsOf(3))).toEqual([true, true]);
    });

    it('leaves nothing after cleanup, which may come twice', async () => {
      const before = setup.netlink.routes({ table: 254 });
      await setup.backend.sync(otherNodes);
      await setup.backend.cleanup();
      await setup.backend.cleanup();
      expect(setup.netlink.routes({ table: 254 })).toEqual(before);
    });
  });
}

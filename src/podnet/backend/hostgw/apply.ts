/** Puts the routes of `plan.ts` into the kernel. */
import { errno, KernelError } from '../../../linux/errno.ts';
import { type Link, type RouteNetlink, tendrilProtocol } from '../../../linux/netlink/route-netlink.ts';
import { cidrOf } from '../../../net/cidr.ts';
import type { ClusterNode, NodeBackend, SyncReport } from '../node-backend.ts';
import { isHostgw, planHostgw } from './plan.ts';

export interface HostgwOptions {
  /** Of the node's namespace. */
  netlink: RouteNetlink;
  /** Name of the interface that leads to the other nodes. */
  uplink: string;
}

/** Changes in one go before the event loop gets its turn: 5 to 50 µs each. */
const sliceSize = 100;

export function createHostgwBackend({ netlink, uplink }: HostgwOptions): NodeBackend {
  const uplinkOf = (): Link => {
    const link = netlink.link(uplink);
    if (link !== undefined) return link;
    throw new KernelError(errno.ENODEV, 'find the uplink', uplink, {
      remedy: 'give the agent the interface that leads to the other nodes',
    });
  };
  const present = () => netlink.routes({ table: 254, protocol: tendrilProtocol });

  return {
    name: 'hostgw',
    overhead: 0,
    async probe() {
      uplinkOf();
    },
    async sync(nodes: readonly ClusterNode[]): Promise<SyncReport> {
      const { index } = uplinkOf();
      const networks = netlink.addresses({ link: index }).map(({ ip, prefix }) => cidrOf(ip, prefix));
      const plan = planHostgw({ nodes, uplink: { index, networks }, present: present() });
      await inSlices(plan.ensure, (route) => netlink.ensureRoute(route));
      await inSlices(plan.remove, (route) => netlink.deleteRoute(route));
      return { changed: plan.ensure.length + plan.remove.length, problems: plan.problems };
    },
    async cleanup() {
      const link = netlink.link(uplink);
      if (link === undefined) return;
      const ours = present().filter((route) => isHostgw(route, link.index));
      await inSlices(ours, (route) => netlink.deleteRoute(route));
    },
  };
}

async function inSlices<T>(items: readonly T[], apply: (item: T) => void): Promise<void> {
  for (let start = 0; start < items.length; start += sliceSize) {
    if (start > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    for (const item of items.slice(start, start + sliceSize)) apply(item);
  }
}

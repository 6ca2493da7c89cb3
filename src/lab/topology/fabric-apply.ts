/** Makes the fabric that a plan describes. `undo` gets what it takes to remove each namespace again. */
import { openRouteNetlink } from '../../linux/netlink/kernel-route-netlink.ts';
import type { RouteNetlink } from '../../linux/netlink/route-netlink.ts';
import { createNetns, deleteNetns, openNetns } from '../../linux/netns/netns.ts';
import { writeSysctl } from '../../linux/sysctl/sysctl.ts';
import type { UndoStack } from '../../util/undo-stack.ts';
import type { FabricPlan, HostPlan } from './fabric-plan.ts';

export interface FabricPlace {
  /** Path of a namespace by its name; the directory is there. */
  netns: (name: string) => string;
  undo: UndoStack;
}

/** RT_SCOPE_HOST, which routes of type local have. */
const hostScope = 254;
/** RT_TABLE_LOCAL. */
const localTable = 255;

/** @throws KernelError naming what could not be made */
export function applyFabric(plan: FabricPlan, { netns, undo }: FabricPlace): void {
  createHostNetns(netns(plan.netns), plan.sysctls, undo);
  using fabric = openNetns(netns(plan.netns));
  using netlink = openRouteNetlink(fabric);
  const bridge = netlink.addLink({
    kind: 'bridge',
    name: plan.bridge.name,
    up: true,
    forwardDelay: 0,
    multicastSnooping: false,
  });
  addAddresses(netlink, bridge.index, plan.bridge.addresses);
  for (const host of plan.hosts) {
    createHostNetns(netns(host.netns), host.sysctls, undo);
    plugIn(host, netns(host.netns), { netlink, bridge: bridge.index });
  }
}

function createHostNetns(path: string, sysctls: Record<string, string>, undo: UndoStack): void {
  createNetns(path);
  undo.push(`network namespace ${path}`, () => void deleteNetns(path));
  using netns = openNetns(path);
  writeSysctl(netns, sysctls);
}

/** Joins a host to the bridge by a veth pair and gives it its addresses and routes. */
function plugIn(host: HostPlan, path: string, fabric: { netlink: RouteNetlink; bridge: number }): void {
  using netns = openNetns(path);
  fabric.netlink.addLink({
    kind: 'veth',
    name: host.port,
    master: fabric.bridge,
    up: true,
    peer: { name: 'eth0', netns, up: true },
  });
  using netlink = openRouteNetlink(netns);
  const eth0 = netlink.link('eth0')!;
  addAddresses(netlink, eth0.index, host.addresses);
  for (const gateway of host.gateways)
    netlink.ensureRoute({ family: gateway.family, gateway, link: eth0.index });
  const loopback = netlink.link('lo')!;
  for (const destination of host.localCidrs) {
    const { family } = destination.ip;
    netlink.ensureRoute({
      family,
      destination,
      link: loopback.index,
      type: 'local',
      table: localTable,
      scope: hostScope,
    });
  }
}

function addAddresses(netlink: RouteNetlink, link: number, addresses: HostPlan['addresses']): void {
  for (const { ip, prefix } of addresses) netlink.ensureAddress({ link, ip, prefix, noDad: true });
}

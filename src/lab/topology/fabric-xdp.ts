/** The fabric's ends of the nodes' veths: what XDP sends by one end arrives only where the other has a program too. */
import { join } from 'node:path';
import { kernelBpf } from '../../linux/bpf/kernel-bpf.ts';
import { openRouteNetlink } from '../../linux/netlink/kernel-route-netlink.ts';
import { openNetns } from '../../linux/netns/netns.ts';
import type { FabricPlan } from './fabric-plan.ts';
import type { LabConfig, LabPaths } from './lab-config.ts';

/** Pinned in the lab's own bpffs, with which they go. @throws TendrilError BPF_LOAD, KernelError */
export function letXdpArrive(
  plan: FabricPlan,
  { nodes, program }: Pick<LabConfig, 'nodes' | 'program'>,
  paths: Pick<LabPaths, 'netns' | 'bpf'>,
): void {
  using netns = openNetns(paths.netns(plan.netns));
  using netlink = openRouteNetlink(netns);
  const pinDirectory = join(paths.bpf, 'fabric');
  using object = kernelBpf.load({ path: join(program, 'dist', 'bpf', 'xdp.bpf.o'), pinDirectory, mapSizes });
  const names = new Set(nodes.map(({ name }) => name));
  for (const { netns: host, port } of plan.hosts) {
    if (!names.has(host)) continue;
    const { index: ifindex } = netlink.link(port)!;
    object.attach('xdp_pass', { type: 'xdp', mode: 'native', ifindex, netns }, join(pinDirectory, port));
  }
}

/** The program that lets all pass uses none of the maps beside it. */
const mapSizes = Object.fromEntries(
  ['frontends', 'slots', 'backends', 'conntrack', 'direct_returns', 'cluster_nodes'].map((map) => [map, 1]),
);

/**
 * The network that most clusters have: the reference CNI plugins bridge, host-local and portmap on each node, routes to the other
 * nodes' pods, kube-proxy and CoreDNS. What is measured beside Tendril, and what it takes over from.
 */
import { existsSync } from 'node:fs';
import { kubectl, kubectlWith } from './control-plane.ts';
import { fabricNetns, type NodeLayout } from './layout.ts';
import type { ProxyMode } from './network-kind.ts';
import { onNode, writeOnNode } from './node.ts';
import { program } from './parts.ts';
import { run, waitFor } from './process.ts';
import { usualObjects } from './usual-objects.ts';

/** On every node; the runtime takes the first by name. */
export const usualConflist = '/etc/cni/net.d/10-usual.conflist';

/** @throws Error where this kernel lacks what the mode rests on */
export function requireProxyMode(mode: ProxyMode): void {
  if (mode === 'ipvs' && !existsSync('/proc/net/ip_vs'))
    throw new Error('this kernel has no ip_vs: kube-proxy runs in the modes nftables and iptables here');
}

/** Until every node has its conflist and the objects are applied; what comes of it is to be waited for. */
export async function installUsualNetwork(all: readonly NodeLayout[], mode: ProxyMode): Promise<void> {
  const cidrs = await podCidrsOfNodes(all);
  for (const node of all) {
    onNode(node, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    for (const plugin of ['bridge', 'host-local', 'portmap'] as const)
      onNode(node, 'cp', program(plugin), '/opt/cni/bin/');
    const from = [...all.filter((other) => other !== node).map(({ netns }) => netns), fabricNetns];
    for (const netns of from) addRoutes(netns, node, cidrs.get(node.name)!);
    writeOnNode(node, usualConflist, conflist(cidrs.get(node.name)!, mode));
  }
  const list = { apiVersion: 'v1', kind: 'List', items: usualObjects(mode) };
  kubectlWith(JSON.stringify(list), 'apply', '-f', '-');
}

interface WireNode {
  metadata: { name: string };
  spec: { podCIDRs?: string[] };
}

/** Of both families, as the controller manager gives them. */
async function podCidrsOfNodes(all: readonly NodeLayout[]): Promise<Map<string, string[]>> {
  let found = new Map<string, string[]>();
  await waitFor('pod CIDRs of every node', 180, () => {
    const { items } = JSON.parse(kubectl('get', 'nodes', '-o', 'json')) as { items: WireNode[] };
    found = new Map(items.map(({ metadata, spec }) => [metadata.name, spec.podCIDRs ?? []]));
    return all.every(({ name }) => found.get(name)?.length === 2);
  });
  return found;
}

function addRoutes(netns: string, { ipv4, ipv6 }: NodeLayout, cidrs: readonly string[]): void {
  for (const cidr of cidrs)
    run('ip', ['-n', netns, 'route', 'replace', cidr, 'via', cidr.includes(':') ? ipv6 : ipv4]);
}

/** Without masquerade: the fabric knows the way back to every pod. */
function conflist(cidrs: readonly string[], mode: ProxyMode): string {
  return `${JSON.stringify({
    cniVersion: '1.0.0',
    name: 'usual',
    plugins: [
      {
        ...{ type: 'bridge', bridge: 'cni0', isGateway: true, hairpinMode: true, enabledad: false },
        ipam: {
          type: 'host-local',
          ranges: cidrs.map((subnet) => [{ subnet }]),
          routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
        },
      },
      {
        ...{ type: 'portmap', capabilities: { portMappings: true } },
        backend: mode === 'nftables' ? 'nftables' : 'iptables',
      },
    ],
  })}\n`;
}

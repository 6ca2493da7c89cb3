/**
 * The network that nodes are on: a bridge in a namespace of its own, with a router's address and no way out; there the DNS
 * server is that nodes ask about names outside.
 */
import { trafficProgram } from '../../support/traffic-load.ts';
import { fabricNetns, type NodeLayout } from './layout.ts';
import { run, start } from './process.ts';

const ip = (namespace: string, ...words: string[]) => run('ip', ['-n', namespace, ...words]);

export function makeFabric(nodes: readonly NodeLayout[]): void {
  run('ip', ['netns', 'add', fabricNetns]);
  ip(fabricNetns, 'link', 'add', 'br0', 'type', 'bridge');
  ip(fabricNetns, 'link', 'set', 'br0', 'up');
  ip(fabricNetns, 'addr', 'add', '10.90.0.1/24', 'dev', 'br0');
  ip(fabricNetns, 'addr', 'add', 'fd90::1/64', 'dev', 'br0', 'nodad');
  for (const node of nodes) connect(node);
  const dns = ['names', '10.90.0.1:53', '[fd90::1]:53'];
  start('outside-names', 'nsenter', [`--net=/run/netns/${fabricNetns}`, trafficProgram, ...dns]);
}

/** The node's network namespace made anew, with nothing in it but its way to the others: what a boot finds. */
export function renewNetwork(node: NodeLayout): void {
  const { netns, index } = node;
  ip(fabricNetns, 'link', 'del', `p${index}`);
  run('ip', ['netns', 'del', netns]);
  connect(node);
}

/** A node's own hardware address stays: others know it, and send there again at once. */
const macOf = (index: number) => `02:00:0a:5a:00:${String(10 + index)}`;

function connect({ netns, index, ipv4, ipv6 }: NodeLayout): void {
  run('ip', ['netns', 'add', netns]);
  ip(netns, 'link', 'set', 'lo', 'up');
  const peer = ['name', 'eth0', 'address', macOf(index), 'netns', netns];
  ip(fabricNetns, 'link', 'add', `p${index}`, 'type', 'veth', 'peer', ...peer);
  ip(fabricNetns, 'link', 'set', `p${index}`, 'master', 'br0', 'up');
  ip(netns, 'link', 'set', 'eth0', 'up');
  ip(netns, 'addr', 'add', `${ipv4}/24`, 'dev', 'eth0');
  ip(netns, 'addr', 'add', `${ipv6}/64`, 'dev', 'eth0', 'nodad');
  ip(netns, 'route', 'add', 'default', 'via', '10.90.0.1');
  ip(netns, '-6', 'route', 'add', 'default', 'via', 'fd90::1');
}

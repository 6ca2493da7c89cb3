/**
 * An agent as a process, for tests that kill it: real kernel, an API of two nodes in memory, and a Service
 * datapath that translates nothing. Prints `ready`; `CRASH_AT_ATTACH` in the environment kills it in the middle
 * of an ADD, `API_AWAY` leaves it without an API, `MAPS_LOST` without the maps of earlier agents and the API.
 * `REAL_SERVICES` gives it the real Service datapath, and a NodePort whose backend is a pod of the other node.
 */
import { readFileSync } from 'node:fs';
import { FakeClient } from '../../kube/client/fake-client.ts';
import { resources } from '../../kube/resources.ts';
import { netnsCookieAt } from '../../linux/bpf/netns-cookie.ts';
import { openRouteNetlink } from '../../linux/netlink/kernel-route-netlink.ts';
import { watchRoutes } from '../../linux/netlink/route-watch.ts';
import { nftProgram } from '../../linux/nftables/nft-program.ts';
import { createServiceProxy } from '../../service/service-proxy.ts';
import { testService, testSlice } from '../../service/testing-objects.ts';
import { createLogger } from '../../util/logger.ts';
import { validateAgentConfig } from '../config.ts';
import { startAgent } from '../wiring.ts';
import { FakeServiceProxy } from './fake-service-proxy.ts';

const config = validateAgentConfig(JSON.parse(readFileSync(process.argv[2]!, 'utf8')));

const client = new FakeClient();
if (process.env.API_AWAY === undefined && process.env.MAPS_LOST === undefined) {
  for (const n of [1, 2]) {
    const created = await client.create(resources.nodes, node(n) as never);
    await client.update(resources.nodes, { ...created, status: statusOf(n) }, 'status');
  }
}
const realServices = process.env.REAL_SERVICES !== undefined;
if (realServices) seedNodePort();
const mapsLost = process.env.MAPS_LOST !== undefined;
const proxy = new FakeServiceProxy({ synced: !mapsLost, tookOver: !mapsLost });
if (process.env.CRASH_AT_ATTACH !== undefined) proxy.onAttach = () => process.kill(process.pid, 'SIGKILL');
const agent = await startAgent(config, {
  client,
  netlink: openRouteNetlink(),
  watchRoutes,
  createServiceProxy: realServices ? createServiceProxy : () => proxy,
  podNetnsCookie: netnsCookieAt,
  nftables: nftProgram,
  logger: createLogger(),
});
// It ends by itself when nothing is left that holds it.
process.once('SIGTERM', () => void agent.stop());
await agent.ready();
process.stdout.write('ready\n');

function node(n: number): object {
  const podCIDRs = [`10.244.${n}.0/24`, `fd00:10:244:${n}::/64`];
  return { metadata: { name: `node-${n}` }, spec: { podCIDR: podCIDRs[0], podCIDRs } };
}

function statusOf(n: number): { addresses: { type: string; address: string }[] } {
  const ips = [`172.20.0.${n}`, `fd00:10:20::${n}`];
  return { addresses: ips.map((address) => ({ type: 'InternalIP', address })) };
}

function seedNodePort(): void {
  const ports = [{ port: 80, nodePort: 30080, protocol: 'TCP' as const }];
  const ips = { clusterIP: '10.96.0.80', clusterIPs: ['10.96.0.80', 'fd00:10:96::80'] };
  const ipFamilies: ('IPv4' | 'IPv6')[] = ['IPv4', 'IPv6'];
  client.seed(resources.services, testService('web', { type: 'NodePort', ports, ...ips, ipFamilies }));
  for (const [family, ip] of [
    [4, '10.244.2.9'],
    [6, 'fd00:10:244:2::9'],
  ] as const) {
    const slice = { family, ports: [{ port: 8080 }], endpoints: [{ ip, node: 'node-2' }] };
    client.seed(resources.endpointSlices, testSlice('web', slice));
  }
}

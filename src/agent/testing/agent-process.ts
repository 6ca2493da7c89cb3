/**
 * An agent as a process, for tests that kill it: real kernel, an API of two nodes in memory, and a Service
 * datapath that translates nothing. Prints `ready`; `CRASH_AT_ATTACH` in the environment kills it in the middle
 * of an ADD, `API_AWAY` leaves it without an API, `MAPS_LOST` without the maps of earlier agents and the API.
 */
import { readFileSync } from 'node:fs';
import { FakeClient } from '../../kube/client/fake-client.ts';
import { resources } from '../../kube/resources.ts';
import { openRouteNetlink } from '../../linux/netlink/kernel-route-netlink.ts';
import { nftProgram } from '../../linux/nftables/nft-program.ts';
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
const mapsLost = process.env.MAPS_LOST !== undefined;
const proxy = new FakeServiceProxy({ synced: !mapsLost, tookOver: !mapsLost });
if (process.env.CRASH_AT_ATTACH !== undefined) proxy.onAttach = () => process.kill(process.pid, 'SIGKILL');
const agent = await startAgent(config, {
  client,
  netlink: openRouteNetlink(),
  createServiceProxy: () => proxy,
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

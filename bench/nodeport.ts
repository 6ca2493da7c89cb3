/**
 * NodePorts from outside: new TCP connections and UDP datagrams a second through a node's uplink to a pod of it,
 * beside real kube-proxy on the same kernel, with the same objects.
 */

import { medianOf, type Report } from './report.ts';
import { Arena } from './rig/arena.ts';
import { firstNodePort, nodeIps, objectsOf } from './rig/objects.ts';
import { ratioOf } from './rig/turns.ts';

export const claim =
  'a NodePort is faster than through kube-proxy with 100 Services already, and flat to 10,000';

const sizes = [100, 1000, 10_000];
const families = [4, 6] as const;
const loads = [
  { mode: 'connect', unit: 'connections/s', connections: 16 },
  { mode: 'udp', unit: 'datagrams/s', connections: 8 },
] as const;
const [rounds, ms] = [15, 150];

export async function run(report: Report): Promise<void> {
  const arena = await Arena.open({ modes: ['nftables', 'iptables'] });
  try {
    for (const services of sizes) {
      const objects = objectsOf({
        services,
        endpoints: 1,
        families,
        protocols: ['TCP', 'UDP'],
        nodePorts: true,
      });
      for (const contender of arena.contenders) await contender.serve(objects);
      for (const family of families)
        for (const load of loads) await measure(arena, { services, family, load }, report);
    }
  } finally {
    await arena.close();
  }
}

interface Case {
  services: number;
  family: 4 | 6;
  load: (typeof loads)[number];
}

/** Eight Services all over the list: where a rule lies in it is luck. */
async function measure(arena: Arena, { services, family, load }: Case, report: Report): Promise<void> {
  const targets = Array.from({ length: 8 }, (_, index) => ({
    ip: nodeIps[family],
    port: firstNodePort + Math.floor(((index + 0.5) * services) / 8),
  }));
  const { contenders } = arena;
  const [ours, ...theirs] = await arena.measure({
    ...{ ...load, place: 'outside', targets, family, contenders, rounds, ms },
  });
  for (const peer of theirs) {
    const { median, interval } = medianOf(ours!.rates);
    const ratio = ratioOf(ours!.rates, peer.rates);
    report({
      name: `NodePort ${load.mode}, IPv${family}, ${services} Services`,
      ...{ value: median, interval, unit: load.unit, runs: rounds },
      ...{ peer: peer.contender.name, peerValue: medianOf(peer.rates).median },
      ...{ ratio: ratio.median, ratioInterval: ratio.interval },
    });
  }
}

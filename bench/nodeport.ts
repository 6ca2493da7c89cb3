/**
 * NodePorts from outside: new TCP connections and UDP datagrams a second (there and back, and one way) through a
 * node's uplink to a pod of it, beside real kube-proxy on the same kernel, with the same objects.
 */
import type { Report } from './report.ts';
import { Arena } from './rig/arena.ts';
import type { Contender } from './rig/contender.ts';
import { firstNodePort, nodeIps, objectsOf, spread } from './rig/objects.ts';
import { reportRates } from './rig/turns.ts';

export const claim =
  'a NodePort is faster than through kube-proxy with 100 Services already, and flat to 10,000';

const sizes = [100, 1000, 10_000];
const families = [4, 6] as const;
const loads = [
  { mode: 'connect', unit: 'connections/s', connections: 16 },
  { mode: 'udp', unit: 'datagrams/s', connections: 8 },
  { mode: 'flood', unit: 'datagrams/s', connections: 8 },
] as const;
const [rounds, ms] = [15, 100];

export async function run(report: Report): Promise<void> {
  await using arena = await Arena.open({ modes: ['nftables', 'iptables'], limitMs: 90_000 });
  for (const services of sizes) {
    const objects = objectsOf({ services, endpoints: 1, families, udp: true, nodePorts: true });
    const contenders = [...(await arena.serve(objects)).keys()];
    for (const family of families)
      for (const load of loads) await measure(arena, { services, family, load, contenders }, report);
  }
}

interface Case {
  services: number;
  family: 4 | 6;
  load: (typeof loads)[number];
  contenders: Contender[];
}

async function measure(arena: Arena, test: Case, report: Report): Promise<void> {
  const { services, family, load, contenders } = test;
  const targets = spread(services).map((n) => ({ ip: nodeIps[family], port: firstNodePort + n }));
  const rates = await arena.measure({
    ...{ ...load, place: 'outside', targets, family, contenders, rounds, ms },
  });
  reportRates(
    report,
    { name: `NodePort ${load.mode}, IPv${family}, ${services} Services`, unit: load.unit },
    rates,
  );
}

/**
 * HTTP and request/response through a ClusterIP, from a pod to one on its node: what applications do, not what a proxy
 * is good at. Beside plain veth and real kube-proxy.
 */
import type { Report } from './report.ts';
import { Arena } from './rig/arena.ts';
import { clusterIp, objectsOf, servicePort, spread } from './rig/objects.ts';
import { reportRates } from './rig/turns.ts';

export const claim =
  'with 100 Services short HTTP connections are not slower than through kube-proxy, and long ones not slower than plain veth';

const services = 100;
const families = [4, 6] as const;
const loads = [
  { mode: 'http', title: 'short HTTP connections', unit: 'connections/s', connections: 16 },
  { mode: 'keepalive', title: 'HTTP keep-alive', unit: 'requests/s', connections: 16 },
  { mode: 'rr', title: 'TCP_RR', unit: 'transactions/s', connections: 1 },
];
const [rounds, ms] = [25, 120];

export async function run(report: Report): Promise<void> {
  await using arena = await Arena.open({ plain: true, modes: ['nftables', 'iptables'] });
  const served = await arena.serve(objectsOf({ services, endpoints: 1, families }));
  const others = [...served.keys()].filter((contender) => contender !== arena.ours);
  for (const family of families) {
    const targets = spread(services).map((n) => ({ ip: clusterIp(family, n), port: servicePort }));
    for (const { title, unit, ...load } of loads) {
      const contenders = [arena.ours, ...others];
      const rates = await arena.measure({
        ...{ ...load, place: 'client', targets, family, contenders, rounds, ms },
      });
      reportRates(report, { name: `${title}, IPv${family}, ${services} Services`, unit }, rates);
    }
  }
}

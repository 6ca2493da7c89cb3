/**
 * One long stream through a ClusterIP, from a pod to one on its node, where the Service asks for the way from socket to
 * socket and where it does not. Beside plain veth and real kube-proxy.
 */
import type { Report } from './report.ts';
import { Arena } from './rig/arena.ts';
import { type ClusterObjects, clusterIp, objectsOf, servicePort, spread } from './rig/objects.ts';
import { type Rates, reportRates } from './rig/turns.ts';

export const claim =
  'a stream between pods of one node that goes from socket to socket carries at least twice what it does through kube-proxy';

const services = 100;
const families = [4, 6] as const;
/** KiB. */
const writes = [128, 512] as const;
const [rounds, ms] = [15, 300];
const bytesPerGbit = 1e9 / 8;

export async function run(report: Report): Promise<void> {
  await using arena = await Arena.open({ plain: true, modes: ['nftables'] });
  const objects = objectsOf({ services, endpoints: 1, families });
  for (const way of ['short', 'ordinary'] as const) {
    const served = await arena.serve(
      way === 'short' ? shortened(objects) : objectsOf({ services, endpoints: 1, families }),
    );
    const others = [...served.keys()].filter((contender) => contender !== arena.ours);
    for (const [family, kib] of families.flatMap((family) => writes.map((kib) => [family, kib] as const))) {
      const targets = spread(services).map((n) => ({ ip: clusterIp(family, n), port: servicePort }));
      const rates = await arena.measure({
        ...{ mode: 'stream', connections: kib, place: 'client', targets, family, rounds, ms },
        contenders: [arena.ours, ...others],
      });
      reportRates(
        report,
        { name: `a stream, IPv${family}, writes of ${kib} KiB, the ${way} way`, unit: 'Gbit/s' },
        rates.map(inGbit),
      );
    }
  }
}

function shortened({ services, slices }: ClusterObjects): ClusterObjects {
  const annotations = { 'tendril.dev/socket-shortcut': 'enabled' };
  return { slices, services: services.map((s) => ({ ...s, metadata: { ...s.metadata, annotations } })) };
}

function inGbit({ contender, rates }: Rates): Rates {
  return { contender, rates: rates.map((bytes) => bytes / bytesPerGbit) };
}

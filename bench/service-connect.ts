/**
 * connect() through a ClusterIP, with the whole datapath on the pods' veths, against connect() to a pod on plain
 * veth with none of our programs anywhere, and through real kube-proxy: machines of the same make, taking turns.
 */
import { medianOf, type Report } from './report.ts';
import { Arena } from './rig/arena.ts';
import type { Contender } from './rig/contender.ts';
import type { LineProcess } from './rig/machine.ts';
import {
  clusterIp,
  type Family,
  objectsOf,
  serverIps,
  serverPort,
  servicePort,
  spread,
} from './rig/objects.ts';

export const claim =
  'connect() through a ClusterIP costs at most 1.10 times connect() to a pod on plain veth';

/** kube-proxy takes minutes for more than 10,000. */
const sizes = [
  { ports: 100, peers: true },
  { ports: 10_000, peers: true },
  { ports: 100_000, peers: false },
];
const families = [4, 6] as const;
const [rounds, perRound, warmUp] = [200, 20, 500];

export async function run(report: Report): Promise<void> {
  await using arena = await Arena.open({ plain: true, modes: ['nftables', 'iptables'], limitMs: 90_000 });
  for (const { ports, peers } of sizes) {
    const objects = objectsOf({ services: ports, endpoints: 1, families });
    const served = [...(await arena.serve(objects, { peers })).keys()];
    for (const family of families) await measure(arena, { ports, family, served }, report);
  }
}

interface Case {
  ports: number;
  family: Family;
  served: Contender[];
}

async function measure(arena: Arena, { ports, family, served }: Case, report: Report): Promise<void> {
  const clients = new Map(
    served.map((contender) => [contender, startClient(arena, { contender, family, ports })]),
  );
  try {
    const samples = await takeConnections(clients);
    const ours = samples.get(arena.ours)!;
    for (const [peer, theirs] of samples) {
      if (peer === arena.ours) continue;
      const { median, interval } = medianOf(ours.all);
      const ratio = medianOf(ours.medians.map((value, round) => value / theirs.medians[round]!));
      report({
        name: `connect by ClusterIP, IPv${family}, ${ports} service ports`,
        ...{ value: median / 1000, interval: [interval[0] / 1000, interval[1] / 1000], unit: 'µs' },
        ...{ peer: peer.name, peerValue: medianOf(theirs.all).median / 1000 },
        ...{ ratio: ratio.median, ratioInterval: ratio.interval, runs: rounds * perRound },
      });
    }
  } finally {
    for (const client of clients.values()) client.stop();
  }
}

function startClient(
  arena: Arena,
  { contender, family, ports }: { contender: Contender; family: Family; ports: number },
): LineProcess {
  const target =
    contender === arena.plain
      ? [serverIps[family], serverPort]
      : [clusterIp(family, spread(ports).at(-1)!), servicePort];
  const argv = [arena.program('connect-time'), 'connect', ...target.map(String)];
  return contender.machine.start('client', argv);
}

interface Samples {
  all: number[];
  medians: number[];
}

/**
 * All take turns of under a millisecond, in an order that alternates: what disturbs one disturbs the others. The
 * ratio is the median of the turns' ratios.
 */
async function takeConnections(
  clients: ReadonlyMap<Contender, LineProcess>,
): Promise<Map<Contender, Samples>> {
  const take = async (client: LineProcess, count: number) =>
    (await client.ask(String(count), count)).map(Number);
  const samples = new Map(
    [...clients.keys()].map((contender) => [contender, { all: [], medians: [] } as Samples]),
  );
  for (const client of clients.values()) await take(client, warmUp);
  for (let round = 0; round < rounds; round++) {
    const order = [...clients];
    if (round % 2) order.reverse();
    for (const [contender, client] of order) {
      const values = await take(client, perRound);
      samples.get(contender)!.all.push(...values);
      samples.get(contender)!.medians.push(medianOf(values).median);
    }
  }
  return samples;
}

/**
 * Pods on real clusters, Tendril's and the usual network's (reference CNI plugins, kube-proxy in mode nftables, CoreDNS), of the same
 * programs, one after the other in turns: how soon pods are Ready and Services follow, and what the network takes.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { clusterDirectory } from '../tests/real/cluster/layout.ts';
import { partsOf, program } from '../tests/real/cluster/parts.ts';
import { type Contender, type Turn, type TurnOptions, takeTurn } from './real/turn.ts';
import { type Measurement, medianOf, percentileOf, type Report } from './report.ts';

export const claim =
  'on a real cluster, pods are Ready sooner and Services follow sooner than with the usual network';

const contenders: [ours: Contender, theirs: Contender] = [
  {
    ...{ name: 'Tendril', network: 'tendril' },
    agent: { name: 'agent', pattern: /dist\/main\.js agent/ },
    dns: { name: 'cluster DNS', pattern: /dist\/main\.js dns/ },
  },
  {
    ...{ name: 'usual', network: 'usual' },
    agent: { name: 'kube-proxy', pattern: /kube-proxy / },
    dns: { name: 'CoreDNS', pattern: /coredns / },
  },
];

const rounds = 2;
const options: TurnOptions = { batches: 3, pods: 50, changes: 10, restSeconds: 20 };

export async function run(report: Report): Promise<void> {
  const reason = reasonToSkip();
  if (reason !== undefined) return console.error(`skipped: real-pods: ${reason}`);
  const turns: [ours: Turn[], theirs: Turn[]] = [[], []];
  for (let round = 0; round < rounds; round++)
    for (const [i, contender] of contenders.entries()) turns[i]!.push(await takeTurn(contender, options));
  const [ours, theirs] = turns;
  const compare = (name: string, unit: string, of: (all: readonly Turn[]) => Figure): void =>
    report({ name, unit, ...figures(of(ours), of(theirs)), peer: contenders[1].name });

  compare('cluster complete', 's', (all) => median(all.map(({ start }) => start)));
  const starts = (all: readonly Turn[]) => all.flatMap(({ batches }) => batches);
  compare('50 pods at once, create to Ready, p50', 'ms', (all) =>
    median(starts(all).map((batch) => percentileOf(batch, 0.5))),
  );
  compare('50 pods at once, create to Ready, p95', 'ms', (all) =>
    median(starts(all).map((batch) => percentileOf(batch, 0.95))),
  );
  compare('50 pods at once, the last', 'ms', (all) => median(starts(all).map((batch) => Math.max(...batch))));
  compare('CNI ADD, mean by the runtime', 'ms', (all) => median(all.map(({ cniAdd }) => cniAdd)));
  compare('processor of the workers, a pod', 'ms', (all) =>
    median(all.map(({ processorPerPod }) => processorPerPod * 1000)),
  );
  // kube-proxy syncs at once after a quiet second, and at most once in one (minSyncPeriod).
  compare('first endpoint to answer', 'ms', (all) => median(all.flatMap(({ up }) => up)));
  compare('last endpoint gone to refusal', 'ms', (all) => median(all.flatMap(({ down }) => down)));
  for (const kind of ['agent', 'dns'] as const)
    for (const state of ['rest', 'busy'] as const) {
      const what = `${kind}, ${state === 'rest' ? 'at rest' : 'under pod starts'}`;
      compare(`memory of the largest ${what}`, 'MiB', (all) =>
        median(all.map((turn) => turn[state][kind].memory / 2 ** 20)),
      );
      compare(`processor of all, ${what}`, 'ms/s', (all) =>
        median(all.map((turn) => turn[state][kind].processor * 1000)),
      );
    }
}

function reasonToSkip(): string | undefined {
  if (existsSync(clusterDirectory)) return 'a cluster is on this machine already: make real-down';
  const isBuilt = partsOf('usual').every((name) => existsSync(program(name)));
  if (isBuilt || spawnSync('go', ['version']).status === 0) return undefined;
  return 'Kubernetes and containerd are built with Go 1.26 or newer, which is not on PATH (https://go.dev/dl)';
}

interface Figure {
  value: number;
  runs: number;
  interval: [number, number];
}

function median(values: readonly number[]): Figure {
  const { median: value, interval } = medianOf(values);
  return { value, interval, runs: values.length };
}

function figures(
  ours: Figure,
  theirs: Figure,
): Pick<Measurement, 'value' | 'runs' | 'interval' | 'peerValue'> {
  return { ...ours, peerValue: theirs.value };
}

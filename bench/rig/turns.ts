/** Contenders take turns of equal length: what disturbs one disturbs the others. */
import { medianOf, type Report } from '../report.ts';
import type { Contender } from './contender.ts';
import type { LineProcess } from './machine.ts';

/** What it takes to take part. */
export type Party = Pick<Contender, 'name' | 'forget'>;

export interface Load {
  contender: Party;
  /** Takes a line with milliseconds, answers `OPERATIONS NANOSECONDS`. */
  client: LineProcess;
}

export interface Rates {
  contender: Party;
  /** Operations a second, by turn. */
  rates: number[];
}

/** The first turn of each is not counted. The order goes round, and back in every other round. */
export async function takeTurns(
  loads: readonly Load[],
  options: { rounds: number; ms: number },
): Promise<Rates[]> {
  const results = loads.map(({ contender }) => ({ contender, rates: [] as number[] }));
  for (let round = 0; round <= options.rounds; round++) {
    const order = loads.map((_, index) => (index + round) % loads.length);
    if (round % 2) order.reverse();
    for (const index of order) {
      const { client, contender } = loads[index]!;
      const [line] = await client.ask(String(options.ms));
      const [operations, nanoseconds] = line!.split(' ').map(Number) as [number, number];
      if (round > 0) results[index]!.rates.push((operations / nanoseconds) * 1e9);
      await contender.forget();
    }
  }
  return results;
}

/** One line for each peer: the first of the results is ours. */
export function reportRates(
  report: Report,
  { name, unit }: { name: string; unit: string },
  [ours, ...theirs]: readonly Rates[],
): void {
  const { median, interval } = medianOf(ours!.rates);
  for (const peer of theirs) {
    const ratio = ratioOf(ours!.rates, peer.rates);
    report({
      ...{ name, unit, value: median, interval, runs: ours!.rates.length },
      ...{ peer: peer.contender.name, peerValue: medianOf(peer.rates).median },
      ...{ ratio: ratio.median, ratioInterval: ratio.interval },
    });
  }
}

/** Of what belongs together turn by turn. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]) {
  return medianOf(ours.map((value, index) => value / theirs[index]!));
}

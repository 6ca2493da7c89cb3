/** `tendril dns watch`: what a node's kernel answers to pods, as it answers. The agent samples while it is asked, half a second at a time. */
import type { SampledAnswer } from '../../agent/dns-path.ts';
import { TendrilError } from '../../util/errors.ts';
import { chooseFormat } from '../output/format.ts';
import { askAgent } from '../session/ask-agent.ts';

export interface WatchOptions {
  node?: string | undefined;
  every?: string | undefined;
  seconds?: string | undefined;
  output?: string | undefined;
}

/** Until it is interrupted, or for `seconds`. @throws TendrilError USAGE or API */
export async function watchAnswers(lab: string, options: WatchOptions): Promise<number> {
  const { node, every = '1', seconds } = options;
  for (const [option, value] of Object.entries({ every, seconds: seconds ?? '1' }))
    if (!/^[1-9]\d{0,8}$/.test(value))
      throw new TendrilError('USAGE', `--${option} ${value} is not a number above 0`);
  const asJson = chooseFormat(options.output, ['json']) === 'json';
  const end = performance.now() + (seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1000);
  while (performance.now() < end) {
    const { answer } = await askAgent<SampledAnswer[]>(lab, node, `/dns-answers?every=${every}`);
    for (const one of answer) process.stdout.write(`${asJson ? JSON.stringify(one) : answerLine(one)}\n`);
  }
  return 0;
}

export function answerLine({ time, asker, name, type, result }: SampledAnswer): string {
  return `${new Date(time).toISOString()}  ${asker}  ${type} ${name}  ${result}`;
}

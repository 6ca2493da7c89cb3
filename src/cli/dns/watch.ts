/** `tendril dns watch`: what a node's kernel answers to pods, as it answers. The agent samples while it is asked, half a second at a time. */
import type { SampledAnswer } from '../../agent/dns-path.ts';
import { TendrilError } from '../../util/errors.ts';
import { chooseFormat } from '../output/format.ts';
import { openSession, type SessionChoice } from '../session/session.ts';

export interface WatchOptions extends Omit<SessionChoice, 'name'> {
  node?: string | undefined;
  every?: string | undefined;
  seconds?: string | undefined;
  output?: string | undefined;
}

/** Until it is interrupted, or for `seconds`. @throws TendrilError USAGE or API */
export async function watchAnswers(name: string, options: WatchOptions): Promise<number> {
  const { node, every = '1', seconds } = options;
  for (const [option, value] of Object.entries({ every, seconds: seconds ?? '1' }))
    if (!/^[1-9]\d{0,8}$/.test(value))
      throw new TendrilError('USAGE', `--${option} ${value} is not a number above 0`);
  const asJson = chooseFormat(options.output, ['json']) === 'json';
  using session = await openSession({ name, ...options });
  const end = performance.now() + (seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1000);
  for await (const sampled of session.agents.follow<SampledAnswer[]>(node, `/dns-answers?every=${every}`)) {
    for (const one of sampled) process.stdout.write(`${asJson ? JSON.stringify(one) : answerLine(one)}\n`);
    if (performance.now() >= end) break;
  }
  return 0;
}

export function answerLine({ time, asker, name, type, result }: SampledAnswer): string {
  return `${new Date(time).toISOString()}  ${asker}  ${type} ${name}  ${result}`;
}

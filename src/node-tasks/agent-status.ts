/** What the agent of the node that this process is on says of itself. */
import { podStatusPort } from '../agent/pod/pod-config.ts';
import { describeError, TendrilError } from '../util/errors.ts';

const timeoutMs = 10_000;

/** @throws TendrilError NOT_READY where no agent answers */
export async function askAgent<Answer>(
  port: number = podStatusPort,
  path: string = '/status',
): Promise<Answer> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal });
    if (response.ok) return (await response.json()) as Answer;
    throw new Error((await response.text()).trim() || `HTTP status ${response.status}`);
  } catch (cause) {
    throw new TendrilError('NOT_READY', `the agent does not answer: ${describeError(cause)}`, {
      cause,
      remedy: 'See the log of its pod in tendril-system.',
    });
  }
}

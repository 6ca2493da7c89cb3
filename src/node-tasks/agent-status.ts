/** What the agent of the node that a task runs on says of itself. */
import { podStatusPort } from '../agent/pod/pod-config.ts';
import { describeError, TendrilError } from '../util/errors.ts';

/** @throws TendrilError NOT_READY where no agent answers */
export async function askAgent<Status>(port: number = podStatusPort): Promise<Status> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/status`, { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return (await response.json()) as Status;
  } catch (cause) {
    throw new TendrilError('NOT_READY', `the agent does not answer: ${describeError(cause)}`, {
      cause,
      remedy: 'See the log of its pod in tendril-system.',
    });
  }
}

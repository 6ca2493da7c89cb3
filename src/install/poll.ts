/** Waits for what the API is to say. */
import { type Clock, systemClock } from '../util/clock.ts';
import { isError, TendrilError } from '../util/errors.ts';

export interface Waiting {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  clock?: Clock | undefined;
}

const pollMs = 500;

/**
 * What `ask` gives, once it is something; an API server that is away for a moment is asked again.
 * @returns undefined where nothing came in time
 * @throws TendrilError CANCELLED; what `ask` throws
 */
export async function poll<T>(
  { timeoutMs, signal, clock = systemClock }: Waiting,
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const end = clock.monotonic() + timeoutMs;
  for (;;) {
    if (signal?.aborted) throw new TendrilError('CANCELLED', 'cancelled', { cause: signal.reason });
    const late = clock.monotonic() >= end;
    const answer = await ask().catch((error): undefined => {
      if (late || !isError(error, 'API_UNREACHABLE')) throw error;
    });
    if (answer !== undefined || late) return answer;
    await clock.sleep(pollMs, signal).catch(() => {});
  }
}

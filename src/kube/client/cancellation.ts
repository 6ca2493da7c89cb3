/** Requests that their caller no longer wants. */
import { TendrilError } from '../../util/errors.ts';

/** What a request whose signal was aborted is rejected with; `what` names the request. */
export function cancelled(what: string, signal: AbortSignal): TendrilError {
  return new TendrilError('CANCELLED', `${what} was cancelled`, { cause: signal.reason });
}

/** @throws TendrilError CANCELLED where the signal is aborted already */
export function throwIfCancelled(what: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(what, signal);
}

/** What comes of a webhook that could not be called. */
import type { ApiError } from '../../../../kube/client/api-error.ts';
import { internalError, timedOut } from '../../status.ts';
import type { AdmissionParts } from '../admission-context.ts';
import type { Attributes } from '../attributes.ts';
import { HookFailure } from './call-hook.ts';
import type { Hook } from './hooks.ts';

const requestTimedOut = (): ApiError => timedOut('request did not complete within requested timeout');

/** Throws ApiError where the request fails with it; what may be ignored is only told of. */
export function passOver(
  { ignored }: AdmissionParts,
  { name, failurePolicy }: Hook,
  { signal }: Attributes,
  error: unknown,
): void {
  if (!(error instanceof HookFailure)) throw error;
  if (failurePolicy !== 'Ignore') throw internalError(error.message);
  ignored(`Failed calling webhook, failing open ${name}: ${error.message}`);
  if (signal?.aborted) throw requestTimedOut();
}

/** How long a Job waits after pods failed: 10 s, then twice as long each time, ten minutes at most (backoff_utils.go). */
import type { Pod } from '../../../kube/types.ts';

const firstMs = 10_000;
const longestMs = 10 * 60_000;

/** When the pod's last container ended. */
function endedAt({ metadata, status }: Pod): number {
  const ends = (status?.containerStatuses ?? []).flatMap(({ state }) => state?.terminated?.finishedAt ?? []);
  const times = (ends.length > 0 ? ends : [metadata.creationTimestamp ?? '']).map((text) => Date.parse(text));
  return Math.max(...times);
}

/** What is left of the wait; a success begins anew. */
export function backoffMs(pods: readonly Pod[], now: number): number {
  const ended = pods
    .filter(({ status }) => status?.phase === 'Failed' || status?.phase === 'Succeeded')
    .sort((a, b) => endedAt(b) - endedAt(a));
  const success = ended.findIndex(({ status }) => status?.phase === 'Succeeded');
  const failures = success < 0 ? ended.length : success;
  if (failures === 0) return 0;
  const wait = Math.min(longestMs, firstMs * 2 ** (failures - 1));
  return Math.max(0, endedAt(ended[0]!) + wait - now);
}

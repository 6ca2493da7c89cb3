/**
 * How soon one sync may follow another. A change is carried out at once after a quiet moment. While many come, syncs
 * keep a fifth of the time: the longer one takes, for its size or for other work on the machine, the more changes the
 * next one takes together. One that was held up by chance counts for little: what is told is smoothed.
 */

const restPerSync = 4;
/** Endpoints of pods that come up together are one plan, and nobody waits for longer. */
const longestRestMs = 50;
const weight = 1 / 8;

/** Told how long each sync took, gives the milliseconds until the next may start. */
export function createSyncPace(): (lastSyncMs: number) => number {
  let usualMs = 0;
  return (lastSyncMs) => {
    usualMs += (Math.min(lastSyncMs, longestRestMs / restPerSync) - usualMs) * weight;
    return usualMs * restPerSync;
  };
}

/** Looks again and again at what pods use of what they have limits of, where the kernel does not keep the limit itself. */
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import { repeated } from './repeated.ts';

/** Kubelet looks every 10 s, at a disk; a lab's files lie in memory, which fills faster. */
const everyMs = 1000;
/** A look at many files costs time: at most a twentieth of it all. */
const restPerLook = 20;

export interface Limited {
  checkLimits(): Promise<void>;
}

/** The function ends it. */
export function keepLimits(
  pods: () => readonly Limited[],
  { clock, logger }: { clock: Clock; logger: Logger },
): () => void {
  return repeated(
    async () => {
      for (const pod of pods())
        await pod.checkLimits().catch((error) => logger.warn('limits of a pod are not kept', { error }));
    },
    { clock, restMs: (tookMs) => Math.max(everyMs, restPerLook * tookMs) },
  );
}
